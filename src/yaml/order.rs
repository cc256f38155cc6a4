//! The order of keys on paper: identity first, then what a reader looks for, then the rest by name.
//!
//! kyaml has such a list (`kyaml/yaml/order.go`, `fieldSortOrder`); this one follows its spirit and
//! the order of the Kubernetes documentation, and also knows the fields of policies, autoscalers,
//! delivery tools and the custom resources that this compiler writes.

/// All fields with a place of their own, first to last.
#[rustfmt::skip]
const FIELDS: [&str; 286] = [
    // identity
    "apiVersion", "apiGroup", "group", "kind", "name", "generateName", "server", "namespace", "metadata",
    "labels", "annotations", "finalizers", "ownerReferences", "type", "key", "description", "immutable",
    "spec",
    // contents
    "stringData", "data", "binaryData",
    // RBAC and routes: where from, for what, then the rules
    "apiGroups", "automountServiceAccountToken", "ingressClassName", "parentRefs", "hostnames", "tls",
    "rules", "matches", "backendRefs", "roleRef", "subjects",
    // Argo CD and Flux
    "project", "repoURL", "targetRevision", "interval", "retryInterval", "timeout", "sourceRef", "source",
    "sources", "sourceRepos", "destination", "destinations", "clusterResourceWhitelist",
    "namespaceResourceWhitelist", "dependsOn", "syncPolicy", "automated", "prune", "selfHeal", "allowEmpty",
    "syncOptions", "retry", "backoff", "duration", "factor", "maxDuration", "ignoreDifferences",
    "jsonPointers", "jqPathExpressions", "directory", "recurse", "targetNamespace", "wait", "healthChecks",
    "healthCheckExprs",
    // autoscaling
    "scaleTargetRef", "minReplicas", "maxReplicas", "metrics", "behavior", "scaleUp", "scaleDown",
    "stabilizationWindowSeconds", "selectPolicy", "policies", "metric", "describedObject", "target",
    "averageUtilization", "averageValue",
    // workloads
    "clusterIP", "clusterIPs", "replicas", "minAvailable", "maxUnavailable", "unhealthyPodEvictionPolicy",
    "serviceName", "podManagementPolicy", "ordinals", "start", "strategy", "updateStrategy",
    "rolloutStrategy", "rollingUpdate", "rollingUpdateConfiguration", "partition", "maxSurge",
    "startupPolicy", "networkConfig", "subdomainPolicy", "minReadySeconds", "progressDeadlineSeconds",
    "revisionHistoryLimit", "persistentVolumeClaimRetentionPolicy", "whenDeleted", "whenScaled", "selector",
    "matchLabels", "matchExpressions", "matchFields", "dependencies", "roles", "scalingAdapter",
    "leaderWorkerTemplate", "size", "template", "leaderTemplate", "workerTemplate", "templateRef",
    "components", "engineRuntimes", "servicePorts", "volumeClaimTemplates",
    // policies
    "podSelector", "namespaceSelector", "ipBlock", "cidr", "except", "policyTypes", "ingress", "egress",
    "from", "to",
    // services
    "publishNotReadyAddresses", "sessionAffinity", "externalTrafficPolicy", "internalTrafficPolicy",
    "ipFamilyPolicy", "ipFamilies",
    // pods
    "restartPolicy", "terminationGracePeriodSeconds", "activeDeadlineSeconds", "serviceAccountName",
    "hostname", "subdomain", "hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "dnsPolicy",
    "dnsConfig", "hostAliases", "enableServiceLinks", "schedulerName", "priorityClassName",
    "runtimeClassName", "nodeName", "nodeSelector", "affinity", "nodeAffinity", "podAffinity",
    "podAntiAffinity", "requiredDuringSchedulingIgnoredDuringExecution",
    "preferredDuringSchedulingIgnoredDuringExecution", "weight", "preference", "podAffinityTerm",
    "nodeSelectorTerms", "tolerations", "operator", "value", "values", "effect", "tolerationSeconds",
    "topologySpreadConstraints", "maxSkew", "minDomains", "topologyKey", "whenUnsatisfiable", "labelSelector",
    "nodeAffinityPolicy", "nodeTaintsPolicy", "matchLabelKeys", "readinessGates", "imagePullSecrets",
    "initContainers", "containers",
    // containers
    "image", "imagePullPolicy", "command", "args", "workingDir", "stdin", "tty",
    // ports
    "host", "path", "pathType", "port", "targetPort", "containerPort", "hostPort", "nodePort", "protocol",
    "appProtocol", "ports",
    // environment
    "envFrom", "env", "valueFrom", "prefix", "fieldRef", "resourceFieldRef", "configMapKeyRef",
    "secretKeyRef", "configMapRef", "secretRef", "fieldPath", "containerName", "resource",
    // storage claims, resources
    "accessModes", "storageClassName", "resources", "resourceNames", "verbs", "limits", "requests", "claims",
    // mounts
    "mountPath", "subPath", "subPathExpr", "readOnly", "mountPropagation", "volumeMounts", "volumeDevices",
    // probes
    "startupProbe", "readinessProbe", "livenessProbe", "exec", "httpGet", "tcpSocket", "grpc", "backend",
    "service", "scheme", "httpHeaders", "initialDelaySeconds", "periodSeconds", "timeoutSeconds",
    "successThreshold", "failureThreshold", "lifecycle", "postStart", "preStop",
    // security
    "securityContext", "runAsNonRoot", "runAsUser", "runAsGroup", "fsGroup", "fsGroupChangePolicy",
    "supplementalGroups", "privileged", "allowPrivilegeEscalation", "readOnlyRootFilesystem", "capabilities",
    "add", "drop", "seccompProfile",
    // volumes
    "volumes", "configMap", "secret", "emptyDir", "persistentVolumeClaim", "hostPath", "downwardAPI",
    "projected", "csi", "ephemeral", "claimName", "medium", "sizeLimit", "secretName", "defaultMode", "items",
    "mode", "optional",
];

/// Fields whose value is a map with keys that users choose: it is sorted by the bytes of its keys.
#[rustfmt::skip]
const USER_MAPS: [&str; 9] = [
    "labels", "annotations", "stringData", "data", "binaryData", "matchLabels", "nodeSelector", "limits",
    "requests",
];

/// The place of a key, to be compared, and what its value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Field {
    /// Position among the keys of one map.
    pub rank: u16,
    /// Whether the keys of its value are the user's.
    pub user_map: bool,
}

impl Field {
    /// A key without a place of its own: behind all that have one.
    pub const UNKNOWN: Field = Field { rank: u16::MAX, user_map: false };

    /// Whether the key has a place of its own. All of those can be written without quotes.
    pub fn is_known(self) -> bool {
        self.rank != u16::MAX
    }
}

/// Slots of the hash table: a power of two, about four times the number of fields.
const SLOTS: usize = 1024;

/// An open hash table, made at compile time: index in `FIELDS` plus one, and zero for a free slot.
static TABLE: [u16; SLOTS] = table();
static IS_USER_MAP: [bool; FIELDS.len()] = user_maps();

/// The place of a key.
pub(super) fn field(key: &str) -> Field {
    let mut slot = hash(key.as_bytes());
    while TABLE[slot] != 0 {
        let index = usize::from(TABLE[slot] - 1);
        if FIELDS[index] == key {
            return Field { rank: TABLE[slot], user_map: IS_USER_MAP[index] };
        }
        slot = (slot + 1) % SLOTS;
    }
    Field::UNKNOWN
}

/// A cheap hash of length and three bytes: keys of this kind differ there.
const fn hash(key: &[u8]) -> usize {
    let length = key.len();
    if length == 0 {
        return 0;
    }
    let (first, middle, last) = (key[0] as usize, key[length / 2] as usize, key[length - 1] as usize);
    (length * 97 + first * 31 + middle * 389 + last * 7) % SLOTS
}

const fn table() -> [u16; SLOTS] {
    let mut table = [0; SLOTS];
    let mut index = 0;
    while index < FIELDS.len() {
        let mut slot = hash(FIELDS[index].as_bytes());
        while table[slot] != 0 {
            slot = (slot + 1) % SLOTS;
        }
        index += 1;
        table[slot] = index as u16;
    }
    table
}

const fn user_maps() -> [bool; FIELDS.len()] {
    let mut flags = [false; FIELDS.len()];
    let mut index = 0;
    while index < FIELDS.len() {
        let mut other = 0;
        while other < USER_MAPS.len() {
            flags[index] |= same(FIELDS[index].as_bytes(), USER_MAPS[other].as_bytes());
            other += 1;
        }
        index += 1;
    }
    flags
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_is_found_at_its_place() {
        for (index, name) in FIELDS.iter().enumerate() {
            assert_eq!(usize::from(field(name).rank), index + 1, "{name} stands twice");
            assert_eq!(field(name).user_map, USER_MAPS.contains(name));
        }
        for name in USER_MAPS {
            assert!(field(name).is_known(), "{name} has no place");
        }
        for name in ["", "x", "apiversion", "names", "app.kubernetes.io/name"] {
            assert_eq!(field(name), Field::UNKNOWN);
        }
    }

    #[test]
    fn no_chain_of_the_table_is_long() {
        let longest = TABLE.split(|index| *index == 0).map(<[u16]>::len).max();
        assert!(longest < Some(16), "{longest:?}");
    }
}

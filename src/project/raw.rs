//! The project file as it is written. The doc comments here are the descriptions in the schema.

use crate::tree::{At, Entries, Scalar, record, words};

record! {
    /// An rbgc project.
    #[schemars(rename = "Project")]
    RawProject "the project file" {
        /// Language edition. Within an edition no new compiler changes a pod template.
        edition "edition" [required]: Edition,
        /// Files or directories with sources, from here; all below here by default.
        sources "sources": Vec<At<String>>,
        /// What is done about warnings, by code: `W0001 = "deny"`.
        lints "lints": Entries<Lint>,
        /// The clusters that `rbgc compile` writes manifests for, by name.
        cluster "cluster": Entries<RawCluster>,
    }
}

words! {
    /// A language edition.
    Edition "edition" {
        /// The first one.
        E2026 "2026",
    }
}

words! {
    /// What is done about a warning.
    Lint "level of a lint" {
        /// It is not shown.
        Allow "allow",
        /// It is shown.
        Warn "warn",
        /// It is an error.
        Deny "deny",
    }
}

words! {
    /// What manifests are made of.
    #[derive(Default)]
    TargetWord "target" {
        /// Objects that every cluster knows.
        #[default]
        Native "native",
        /// LeaderWorkerSet.
        Lws "lws",
        /// RoleBasedGroup.
        Rbg "rbg",
    }
}

words! {
    /// How stages reach the cluster.
    DeliveryWord "delivery" {
        /// Argo CD.
        Argocd "argocd",
        /// Flux.
        Flux "flux",
        /// Files alone.
        Plain "plain",
    }
}

record! {
    /// A cluster and what is written for it. Paths begin at the directory of this file.
    #[schemars(rename = "Cluster")]
    RawCluster "a cluster" {
        /// Its inventory file.
        inventory "inventory" [required]: At<String>,
        /// What manifests are made of.
        target "target": At<TargetWord>,
        /// How stages reach the cluster.
        delivery "delivery": At<DeliveryWord>,
        /// The directory that is written.
        out "out" [required]: At<String>,
        /// Whether to list the objects of each group in a `kustomization.yaml`.
        kustomization "kustomization": At<bool>,
        /// The repository that Argo CD or Flux reads. Flux: makes the source.
        repo "repo": At<String>,
        /// Branch, tag or commit that it follows.
        revision "revision": At<String>,
        /// The output directory as it sees it in the repository; `out` by default.
        path "path": At<String>,
        /// The AppProject of the Applications.
        argocd_project "argocd-project": At<String>,
        /// The namespace that Argo CD looks for Applications in.
        argocd_namespace "argocd-namespace": At<String>,
        /// An Application that brings all others.
        argocd_apps "argocd-apps": At<String>,
        /// The source of Flux, `GitRepository/NAME` or `OCIRepository/NAME`: made with `repo`, else
        /// one that exists, by default `GitRepository/flux-system`.
        flux_source "flux-source": At<String>,
        /// The namespace of Flux, where its source and Kustomizations stand.
        flux_namespace "flux-namespace": At<String>,
        /// The API server that Argo CD delivers to; its own by default.
        server "server": At<String>,
        /// Parameters, as by `--set`.
        set "set": Entries<At<Scalar>>,
    }
}

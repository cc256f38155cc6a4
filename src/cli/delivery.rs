//! How manifests reach the cluster: what the command line says, then the project file, then Argo CD.

use clap::{Args, ValueEnum};

use super::jobs::Job;
use crate::diag::{Code, Diagnostic};
use crate::order::{Delivery, Tool, argo, flux};
use crate::project::{Cluster, DeliveryWord};
use crate::tree::At;

/// The options about delivery.
#[derive(Debug, Clone, Default, Args)]
#[group(skip)]
pub(super) struct Arguments {
    /// How manifests reach the cluster: argocd (default), flux, plain
    #[arg(long, value_name = "DELIVERY", value_parser = tool)]
    delivery: Option<Tool>,
    /// Whether to list the objects of each group in a `kustomization.yaml` [default: off]
    #[arg(long, value_name = "on|off", value_parser = clap::value_parser!(Switch), hide_possible_values = true)]
    kustomization: Option<Switch>,
    /// The repository that Argo CD or Flux reads
    #[arg(long, value_name = "URL", help_heading = "Argo CD and Flux")]
    repo: Option<String>,
    /// The branch, tag or commit that it follows
    #[arg(long, value_name = "REVISION", help_heading = "Argo CD and Flux")]
    revision: Option<String>,
    /// The output directory as it sees it in the repository
    #[arg(long, value_name = "PATH", help_heading = "Argo CD and Flux")]
    repo_path: Option<String>,
    /// An AppProject that exists; by default one is made
    #[arg(long, value_name = "NAME", help_heading = "Argo CD and Flux")]
    argocd_project: Option<String>,
    /// Make an Application of this name that brings all others
    #[arg(long, value_name = "NAME", help_heading = "Argo CD and Flux")]
    argocd_apps: Option<String>,
    /// The source of Flux: GitRepository/NAME or OCIRepository/NAME; with `--repo` it is made
    #[arg(long, value_name = "KIND/NAME", help_heading = "Argo CD and Flux")]
    flux_source: Option<String>,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    On,
    Off,
}

fn tool(text: &str) -> Result<Tool, String> {
    Tool::parse(text).ok_or_else(|| format!("known deliveries: {}", Tool::NAMES.join(", ")))
}

impl Arguments {
    /// Whether groups have a `kustomization.yaml`.
    pub(super) fn kustomization(&self, cluster: Option<&Cluster>) -> bool {
        let said = self.kustomization.map(|switch| switch == Switch::On);
        said.or_else(|| cluster?.kustomization.as_ref().map(|at| at.value)).unwrap_or(false)
    }

    /// The delivery of a job.
    ///
    /// # Errors
    /// What is wrong with the options, in words.
    pub(super) fn delivery(&self, job: &Job) -> Result<Delivery, String> {
        let cluster = job.cluster.as_ref().map(|(_, cluster)| cluster);
        self.of_cluster(cluster)
    }

    fn of_cluster(&self, cluster: Option<&Cluster>) -> Result<Delivery, String> {
        let of = |field: fn(&Cluster) -> &Option<At<String>>| {
            cluster.and_then(|c| field(c).as_ref()).map(|at| at.value.clone())
        };
        let repo = self.repo.clone().or_else(|| of(|c| &c.repo));
        let revision = self.revision.clone().or_else(|| of(|c| &c.revision));
        let path = self.repo_path.clone().or_else(|| of(|c| &c.path)).or_else(|| Some(cluster?.out.value.clone()));
        let word = cluster.and_then(|c| c.delivery.as_ref()).map(|word| tool_of(word.value));
        match self.delivery.or(word).unwrap_or(Tool::Argocd) {
            Tool::Plain => Ok(Delivery::Plain),
            Tool::Argocd => {
                let default = argo::Options::default();
                Ok(Delivery::Argocd(argo::Options {
                    repo: repo.unwrap_or(default.repo),
                    revision: revision.unwrap_or(default.revision),
                    path: path.unwrap_or(default.path),
                    project: self.argocd_project.clone().or_else(|| of(|c| &c.argocd_project)),
                    namespace: of(|c| &c.argocd_namespace).unwrap_or(default.namespace),
                    server: cluster.map_or(default.server, |c| c.server.clone()),
                    apps: self.argocd_apps.clone().or_else(|| of(|c| &c.argocd_apps)),
                }))
            }
            Tool::Flux => {
                let default = flux::Options::default();
                let named = self.flux_source.clone().or_else(|| of(|c| &c.flux_source));
                Ok(Delivery::Flux(flux::Options {
                    source: flux::Source::new(named.as_deref(), repo.as_deref(), revision.as_deref())?,
                    path: path.unwrap_or(default.path),
                    namespace: of(|c| &c.flux_namespace).unwrap_or(default.namespace),
                }))
            }
        }
    }
}

fn tool_of(word: DeliveryWord) -> Tool {
    match word {
        DeliveryWord::Argocd => Tool::Argocd,
        DeliveryWord::Flux => Tool::Flux,
        DeliveryWord::Plain => Tool::Plain,
    }
}

/// What is wrong with the delivery of a cluster.
pub(super) fn mistake(cluster: &Cluster) -> Option<Diagnostic> {
    let named = cluster.flux_source.as_ref();
    let message = match (named, Arguments::default().of_cluster(Some(cluster))) {
        (_, Err(message)) => message,
        (Some(named), Ok(_)) => flux::parse_name(&named.value).err()?,
        (None, Ok(_)) => return None,
    };
    let span = named.or(cluster.repo.as_ref()).map_or(cluster.span, |at| at.span);
    Some(Diagnostic::new(Code::BadProject, span, message))
}

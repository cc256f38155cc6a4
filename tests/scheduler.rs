//! The model of kube-scheduler against the real one, and plans against the model.

pub mod dice;
mod golden;
mod kept;
mod plans;
mod random;
mod rates;

//! The model of kube-scheduler against the real one, and plans against the model.

mod dice;
mod golden;
mod plans;
mod random;

use crate::faulty::Dice;

/// What goes wrong in one simulation, and how often. Some are calm, so that what breaks without any fault shows too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    pub(super) replicas: usize,
    pub(super) operations: usize,
    /// How many operations are under way at the same time at most.
    pub(super) at_once: usize,
    /// Which part of the calls of the store gets its answer as soon as it has its effect.
    pub(super) prompt: f64,
    /// Which part of the calls fails before its effect, and as many after.
    pub(super) faults: f64,
    /// Which part of the calls is answered with an error while it is still on its way.
    pub(super) late: f64,
    /// How likely a step is that a client goes away.
    pub(super) cancel: f64,
    /// How likely a step is that a replica crashes.
    pub(super) crash: f64,
}

impl Weather {
    pub(super) fn random(dice: &mut Dice) -> Self {
        Self {
            replicas: 2 + dice.below(3),
            operations: 10 + dice.below(16),
            at_once: 2 + dice.below(5),
            prompt: dice.pick(&[0.3, 0.7, 1.0]),
            faults: dice.pick(&[0.0, 0.01, 0.04]),
            late: dice.pick(&[0.0, 0.01, 0.03]),
            cancel: dice.pick(&[0.0, 0.01, 0.04]),
            crash: dice.pick(&[0.0, 0.01, 0.03]),
        }
    }

    /// Whether the store always answers, and in time.
    pub(super) fn is_store_reliable(&self) -> bool {
        self.faults + self.late == 0.0
    }

    /// No fault from now on.
    pub(super) fn calm(self) -> Self {
        Self { faults: 0.0, late: 0.0, cancel: 0.0, crash: 0.0, ..self }
    }
}

/// Queue.
#[derive(Debug)]
pub struct EventQueue;

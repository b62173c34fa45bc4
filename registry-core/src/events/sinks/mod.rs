mod fan_out;
mod log_events;

pub use fan_out::FanOut;
pub use log_events::LogEvents;

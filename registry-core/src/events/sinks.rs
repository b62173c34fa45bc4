/// Fan out.
#[derive(Debug)]
pub struct FanOut;
/// Log.
#[derive(Debug)]
pub struct LogEvents;

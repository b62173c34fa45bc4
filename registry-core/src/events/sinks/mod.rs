mod audit_log;
mod fan_out;
mod log_events;

pub use audit_log::{
    AuditLog, AuditLogError, AuditRecord, AuditSpan, read_audit_log, remove_audit_log_before,
};
pub use fan_out::FanOut;
pub use log_events::LogEvents;

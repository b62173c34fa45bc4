#![no_main]

#[path = "../../../registry-lambda/tests/it/fuzzing/any_event.rs"]
mod any_event;

libfuzzer_sys::fuzz_target!(|input: &[u8]| any_event::event(input));

//! As much DER as the tests write.

pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const UTF8: u8 = 0x0c;
pub(super) const GENERALIZED_TIME: u8 = 0x18;

/// Tag, length and content.
pub(super) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut der = vec![tag];
    match length {
        0..=0x7f => der.push(u8::try_from(length).unwrap_or_default()),
        0x80..=0xff => der.extend([0x81, u8::try_from(length).unwrap_or_default()]),
        _ => {
            der.push(0x82);
            der.extend(u16::try_from(length).unwrap_or_else(|_| panic!("too long for a test")).to_be_bytes());
        }
    }
    der.extend_from_slice(content);
    der
}

/// A sequence of parts.
pub(super) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    tlv(SEQUENCE, &parts.concat())
}

/// An object identifier, encoded already.
pub(super) fn oid(encoded: &[u8]) -> Vec<u8> {
    tlv(0x06, encoded)
}

/// The first element of a sequence, its tag and length included: of a certificate, what is signed.
pub(super) fn first_of(der: &[u8]) -> &[u8] {
    let inside = &der[header(der)..];
    let length = header(inside) + length(inside);
    &inside[..length]
}

fn header(der: &[u8]) -> usize {
    match der[1] {
        long if long & 0x80 != 0 => 2 + usize::from(long & 0x7f),
        _ => 2,
    }
}

fn length(der: &[u8]) -> usize {
    match der[1] {
        long if long & 0x80 != 0 => {
            der[2..header(der)].iter().fold(0, |length, byte| (length << 8) | usize::from(*byte))
        }
        short => usize::from(short),
    }
}

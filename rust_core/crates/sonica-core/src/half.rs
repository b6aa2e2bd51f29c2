//! IEEE 754 binary16, the number format of stored vectors.

/// The binary16 nearest to `value`, ties to even; too large becomes infinity.
#[must_use]
pub fn from_f32(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = ((bits >> 16) & 0x8000) as u16;
    let magnitude = bits & 0x7fff_ffff;
    if magnitude > 0x7f80_0000 {
        return sign | 0x7e00; // NaN
    }
    if magnitude >= 0x4780_0000 {
        return sign | 0x7c00; // 65536 and more
    }
    if magnitude < 0x3880_0000 {
        // Below the smallest normal, 2^-14: adding 0.5 aligns the mantissa and rounds it.
        let rounded = f32::from_bits(magnitude) + 0.5;
        return sign | (rounded.to_bits() - 0.5f32.to_bits()) as u16;
    }
    let round = 0x0fff + ((magnitude >> 13) & 1);
    sign | ((magnitude + round - 0x3800_0000) >> 13) as u16
}

/// The value of a binary16; every one has an exact `f32`.
#[must_use]
pub fn to_f32(half: u16) -> f32 {
    let sign = u32::from(half & 0x8000) << 16;
    let exponent = u32::from(half >> 10) & 0x1f;
    let mantissa = u32::from(half & 0x3ff);
    let magnitude = match exponent {
        0 => (mantissa as f32 * 2f32.powi(-24)).to_bits(),
        0x1f => 0x7f80_0000 | (mantissa << 13),
        _ => ((exponent + 112) << 23) | (mantissa << 13),
    };
    f32::from_bits(sign | magnitude)
}

/// The values of little-endian binary16 numbers; an odd byte at the end is left out.
pub fn values(f16le: &[u8]) -> impl Iterator<Item = f32> + '_ {
    let (numbers, _) = f16le.as_chunks::<2>();
    numbers.iter().map(|&bytes| to_f32(u16::from_le_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_survives_the_round_trip() {
        for half in 0..=u16::MAX {
            let value = to_f32(half);
            if value.is_nan() {
                assert!(to_f32(from_f32(value)).is_nan());
            } else {
                assert_eq!(from_f32(value), half, "{half:#06x} = {value}");
            }
        }
    }

    #[test]
    fn known_values() {
        for (half, value) in
            [(0x3c00, 1.0), (0xc000, -2.0), (0x7bff, 65_504.0), (0x0001, 5.960_464_5e-8)]
        {
            assert!((to_f32(half) - value).abs() < f32::EPSILON * value.abs());
        }
        assert_eq!(from_f32(1e6), 0x7c00);
        assert_eq!(from_f32(-1e-12), 0x8000);
    }

    #[test]
    fn rounding_is_to_nearest_even() {
        // Between 1 and the next half, 1 + 2^-10, the middle goes to the even mantissa.
        assert_eq!(from_f32(1.0 + 2f32.powi(-11)), 0x3c00);
        assert_eq!(from_f32(1.0 + 3.0 * 2f32.powi(-11)), 0x3c02);
        assert_eq!(from_f32(1.0 + 2f32.powi(-11) + 2f32.powi(-20)), 0x3c01);
    }
}

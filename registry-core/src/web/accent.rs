/// The surfaces of the light and the dark theme, which text in the accent color is harder to read on than on the
/// backgrounds.
const BACKGROUNDS: [Rgb; 2] = [Rgb([0xf6, 0xf7, 0xf8]), Rgb([0x1c, 0x20, 0x24])];
const WHITE: Rgb = Rgb([0xff; 3]);
/// What WCAG 2.2 asks of text, level AA.
const CONTRAST: f64 = 4.5;
/// How many steps a shade is changed in at most.
const STEPS: u32 = 100;

/// The color of links and buttons, in a shade for each theme that is readable on its background.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accent {
    light: Rgb,
    dark: Rgb,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rgb([u8; 3]);

/// Why a color cannot be the accent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccentError {
    /// It is not written as six hex digits.
    #[error("the accent is not a color such as #0b5c8a: write a # and six hex digits")]
    Format,
    /// Its text would be hard to read.
    #[error(
        "the accent {accent} has too little contrast to the background for text (WCAG AA): {instead} would do"
    )]
    Contrast {
        /// The color.
        accent: String,
        /// The nearest shade that is readable.
        instead: String,
    },
}

impl Accent {
    /// Parses a color such as `#0b5c8a` for the light theme. The dark theme gets the nearest lighter shade that is
    /// readable.
    pub fn parse(text: &str) -> Result<Self, AccentError> {
        let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6).ok_or(AccentError::Format)?;
        let bytes = const_hex::decode(digits).map_err(|_| AccentError::Format)?;
        let light = Rgb(bytes.try_into().map_err(|_| AccentError::Format)?);
        let readable = light.readable(0);
        if readable != light {
            return Err(AccentError::Contrast { accent: light.text(), instead: readable.text() });
        }
        Ok(Self { light, dark: light.readable(1) })
    }

    /// Returns the declarations of both shades in CSS.
    pub(super) fn css(self) -> String {
        format!(":root{{--accent-light:{};--accent-dark:{}}}\n", self.light.text(), self.dark.text())
    }

    /// Returns the shade of the light theme.
    pub(crate) fn light(self) -> String {
        self.light.text()
    }
}

impl Default for Accent {
    fn default() -> Self {
        let light = Rgb([0x0b, 0x5c, 0x8a]);
        Self { light, dark: light.readable(1) }
    }
}

impl Rgb {
    fn text(self) -> String {
        format!("#{}", const_hex::encode(self.0))
    }

    /// Returns the nearest shade that is readable on the background of a theme: darker on white, lighter on black.
    fn readable(self, theme: usize) -> Self {
        let background = BACKGROUNDS[theme];
        let end = if theme == 0 { Self([0; 3]) } else { WHITE };
        let shades = (0..=STEPS).map(|step| self.mixed(end, step));
        shades.into_iter().find(|shade| shade.contrast(background) >= CONTRAST).unwrap_or(end)
    }

    /// Mixes in `step` hundredths of another color.
    fn mixed(self, other: Self, step: u32) -> Self {
        let mix = |one: u8, other: u8| {
            let mixed = (u32::from(one) * (STEPS - step) + u32::from(other) * step) / STEPS;
            u8::try_from(mixed).unwrap_or(u8::MAX)
        };
        Self(std::array::from_fn(|at| mix(self.0[at], other.0[at])))
    }

    /// The contrast of two colors by WCAG, from 1 to 21.
    fn contrast(self, other: Self) -> f64 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        let [red, green, blue] = self.0.map(linear);
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_readable_color_is_kept_and_gets_a_shade_for_the_dark_theme() {
        for color in ["#0b5c8a", "#000000", "#a1161d", "#17692F"] {
            let accent = Accent::parse(color).unwrap();
            assert_eq!(accent.light(), color.to_lowercase());
            assert!(accent.light.contrast(BACKGROUNDS[0]) >= CONTRAST, "{color}");
            assert!(accent.dark.contrast(BACKGROUNDS[1]) >= CONTRAST, "{color}");
        }
        assert_eq!(Accent::parse("#0b5c8a").unwrap(), Accent::default());
    }

    #[test]
    fn the_shade_that_an_error_proposes_is_accepted() {
        for color in ["#ffcc00", "#ffffff", "#00ff00", "#7fb2d6"] {
            let Err(AccentError::Contrast { instead, .. }) = Accent::parse(color) else { panic!("{color}") };
            assert!(Accent::parse(&instead).is_ok(), "{color} {instead}");
        }
    }

    #[test]
    fn the_contrast_of_black_and_white_is_the_greatest() {
        assert!((Rgb([0; 3]).contrast(Rgb([255; 3])) - 21.0).abs() < 0.001);
    }

    #[test]
    fn other_notations_are_refused() {
        for text in ["", "#", "0b5c8a", "#0b5", "#0b5c8", "#0b5c8az", "#0b5c8g", "red", "#ééé"] {
            assert_eq!(Accent::parse(text), Err(AccentError::Format), "{text}");
        }
    }
}

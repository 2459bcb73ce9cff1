//! Settings of the parts' clock generators.

/// Dividers of an ECP5's `EHXPLLL` (FPGA-TN-02200; limits from the data sheet FPGA-DS-02012). Its feedback is its third output,
/// inside, at the frequency of the phase detector, so the oscillator may run at any multiple of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ecp5 {
    /// Input divider.
    pub clki: u32,
    /// Divider of the feedback: the oscillator runs at this multiple of the divided input.
    pub feedback: u32,
    /// Divider of the outputs.
    pub clkop: u32,
    /// Hz of the oscillator inside.
    pub vco: u32,
}

impl Ecp5 {
    /// The setting with the highest frequency at the phase detector, and then the oscillator nearest to the middle of its range.
    ///
    /// # Errors
    /// One sentence, if there is none.
    pub fn find(input: u32, output: u32) -> Result<Ecp5, String> {
        const DETECTOR: u32 = 10_000_000;
        const VCO: std::ops::RangeInclusive<u64> = 400_000_000..=800_000_000;
        const DIVIDER: u32 = 128;
        let setting = |clki: u32, clkop: u32| {
            let (compared, vco) = (input / clki, u64::from(output) * u64::from(clkop));
            let fits =
                input.is_multiple_of(clki) && vco.is_multiple_of(compared.into()) && VCO.contains(&vco);
            let feedback = (vco / u64::from(compared)) as u32;
            (fits && feedback <= DIVIDER).then_some(Ecp5 { clki, feedback, clkop, vco: vco as u32 })
        };
        let of_input = |clki| {
            let settings = (1..=DIVIDER).filter_map(move |clkop| setting(clki, clkop));
            settings.min_by_key(|s| s.vco.abs_diff(600_000_000))
        };
        (1..=input / DETECTOR).find_map(of_input).ok_or_else(|| impossible(input, output))
    }

    /// Steps of a phase in a cycle: eighths of the oscillator's.
    pub fn steps(self) -> u32 {
        8 * self.clkop
    }

    /// `CPHASE` and `FPHASE` of an output that comes `later` steps after the first one: whole and eighth cycles of the oscillator.
    pub fn phase(self, later: u32) -> (u32, u32) {
        (self.clkop - 1 + later / 8, later % 8)
    }

    /// `later`: steps by which the memory's clock comes later.
    pub(super) fn values(self, later: u32) -> Vec<(&'static str, String)> {
        let (cphase, fphase) = self.phase(later);
        vec![
            ("clki", self.clki.to_string()),
            ("feedback", self.feedback.to_string()),
            ("clkop", self.clkop.to_string()),
            ("cphase", self.phase(0).0.to_string()),
            ("later", later.to_string()),
            ("steps", self.steps().to_string()),
            ("memory_cphase", cphase.to_string()),
            ("memory_fphase", fphase.to_string()),
            ("vco", super::megahertz(self.vco)),
        ]
    }
}

/// Dividers of a Gowin `rPLL` (Gowin clock guide, UG286): output = input * (fbdiv + 1) / (idiv + 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gowin {
    /// `IDIV_SEL`.
    pub idiv: u32,
    /// `FBDIV_SEL`.
    pub fbdiv: u32,
    /// `ODIV_SEL`.
    pub odiv: u32,
    /// Hz of the oscillator inside.
    pub vco: u32,
}

impl Gowin {
    /// The setting with the highest frequency at the phase detector.
    ///
    /// # Errors
    /// One sentence, if there is none.
    pub fn find(input: u32, output: u32) -> Result<Gowin, String> {
        const VCO: std::ops::RangeInclusive<u64> = 500_000_000..=1_250_000_000;
        let divided = (1..=64u32).find_map(|i| {
            let times = u64::from(output) * u64::from(i);
            let fits =
                times % u64::from(input) == 0 && times / u64::from(input) <= 64 && input / i >= 3_000_000;
            fits.then(|| (i, (times / u64::from(input)) as u32))
        });
        let odiv = [2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128]
            .into_iter()
            .find(|odiv| VCO.contains(&(u64::from(output) * u64::from(*odiv))));
        match (divided, odiv) {
            (Some((i, fb)), Some(odiv)) => Ok(Gowin { idiv: i - 1, fbdiv: fb - 1, odiv, vco: output * odiv }),
            _ => Err(impossible(input, output)),
        }
    }

    pub(super) fn values(self) -> Vec<(&'static str, String)> {
        vec![
            ("idiv", self.idiv.to_string()),
            ("fbdiv", self.fbdiv.to_string()),
            ("odiv", self.odiv.to_string()),
            ("vco", super::megahertz(self.vco)),
        ]
    }
}

fn impossible(input: u32, output: u32) -> String {
    let (input, output) = (super::megahertz(input), super::megahertz(output));
    format!(
        "no setting of the PLL makes {output} MHz from {input} MHz; choose another clock_mhz, such as a multiple of 5"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ecp5_settings_give_the_clock_and_the_phase() {
        for (input, mhz) in
            [(25, 80), (25, 95), (25, 100), (25, 105), (48, 80), (48, 90), (48, 96), (48, 100)]
        {
            let p = Ecp5::find(input * 1_000_000, mhz * 1_000_000).unwrap();
            let compared = input * 1_000_000 / p.clki;
            assert_eq!((compared * p.feedback, p.vco), (p.vco, mhz * 1_000_000 * p.clkop), "{p:?}");
            assert!(compared >= 10_000_000 && (400_000_000..=800_000_000).contains(&p.vco), "{p:?}");
            let ((start, _), (whole, eighth)) = (p.phase(0), p.phase(5 * p.steps() / 8));
            assert_eq!(8 * (whole - start) + eighth, 5 * p.clkop, "{p:?}");
        }
        insta::assert_snapshot!(Ecp5::find(25_000_000, 83_000_000).unwrap_err(), @"no setting of the PLL makes 83 MHz from 25 MHz; choose another clock_mhz, such as a multiple of 5");
    }

    #[test]
    fn gowin_settings_give_the_clock() {
        for mhz in [27, 36, 45, 54, 60, 63, 72, 81] {
            let p = Gowin::find(27_000_000, mhz * 1_000_000).unwrap();
            assert_eq!(27_000_000 / (p.idiv + 1) * (p.fbdiv + 1), mhz * 1_000_000);
            assert!((500_000_000..=1_250_000_000).contains(&p.vco), "{p:?}");
        }
        assert!(Gowin::find(27_000_000, 1).is_err());
    }
}

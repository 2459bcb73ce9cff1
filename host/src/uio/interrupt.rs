//! The interrupt of a UIO device: writing 1 unmasks it, reading waits for it, and the kernel masks it when it comes.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::io::{self, Read, Write};
use std::time::Duration;

/// A UIO device as a source of interrupts. The line is level-sensitive: an interrupt that came while it was masked is not lost.
pub struct Interrupt {
    file: File,
}

impl Interrupt {
    /// Of an open UIO device.
    pub fn new(file: File) -> Interrupt {
        Interrupt { file }
    }

    /// Waits for an interrupt, but no longer than `limit`.
    ///
    /// # Errors
    /// If the device has no interrupt.
    pub fn wait(&mut self, limit: Duration) -> io::Result<()> {
        self.file.write_all(&1u32.to_ne_bytes())?;
        let limit = Timespec { tv_sec: limit.as_secs() as i64, tv_nsec: limit.subsec_nanos().into() };
        let mut ready = [PollFd::new(&self.file, PollFlags::IN)];
        if poll(&mut ready, Some(&limit))? > 0 {
            self.file.read_exact(&mut [0; 4])?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    use std::time::Instant;

    /// An interrupt and its other end, which stands in for the kernel.
    fn pair() -> (Interrupt, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Interrupt::new(File::from(OwnedFd::from(ours))), theirs)
    }

    #[test]
    fn it_is_unmasked_and_awaited() {
        let (mut interrupt, mut kernel) = pair();
        let side = std::thread::spawn(move || {
            let mut word = [0; 4];
            for count in 1..=3u32 {
                kernel.read_exact(&mut word).unwrap();
                assert_eq!(u32::from_ne_bytes(word), 1);
                kernel.write_all(&count.to_ne_bytes()).unwrap();
            }
            kernel
        });
        let start = Instant::now();
        for _ in 0..3 {
            interrupt.wait(Duration::from_secs(60)).unwrap();
        }
        assert!(start.elapsed() < Duration::from_secs(60), "it was the interrupt that ended the wait");
        let _kernel = side.join().unwrap();
        interrupt.wait(Duration::from_millis(5)).unwrap();
    }

    #[test]
    fn a_device_without_one_says_so() {
        let (mut interrupt, kernel) = pair();
        drop(kernel);
        assert!(interrupt.wait(Duration::from_millis(1)).is_err());
    }
}

//! A pseudo-terminal as the end of a line: raw, and there whether a host has it open or not.

use super::{End, failed};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, ioctl_tiocnxcl, tcgetattr, tcsetattr};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use sterna_host::error::{Error, Result};

/// Our side, and the host's, which is kept open so that its settings stay and reading does not fail while no host is there.
pub struct Terminal {
    ours: OwnedFd,
    theirs: OwnedFd,
    path: String,
    link: Option<PathBuf>,
}

impl Terminal {
    /// Makes one, and a symbolic link to it.
    pub fn open(link: Option<&Path>) -> Result<Terminal> {
        let mut terminal = pair().map_err(|e| failed("/dev/ptmx", e))?;
        if let Some(link) = link {
            // what an earlier board left behind may go
            let stale = std::fs::read_link(link).is_ok_and(|target| target.starts_with("/dev/pts"));
            if stale {
                std::fs::remove_file(link).map_err(|e| Error::Io { path: link.into(), source: e })?;
            }
            std::os::unix::fs::symlink(&terminal.path, link)
                .map_err(|e| Error::Io { path: link.into(), source: e })?;
            terminal.link = Some(link.into());
        }
        Ok(terminal)
    }
}

fn pair() -> io::Result<Terminal> {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    rustix::io::ioctl_fionbio(&ours, true)?;
    let name = ptsname(&ours, Vec::new())?;
    let theirs = rustix::fs::open(&*name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    let mut settings = tcgetattr(&theirs)?;
    settings.make_raw();
    tcsetattr(&theirs, OptionalActions::Now, &settings)?;
    Ok(Terminal { ours, theirs, path: name.to_string_lossy().into_owned(), link: None })
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(link) = &self.link {
            // gone already is as good
            let _ = std::fs::remove_file(link);
        }
    }
}

impl End for Terminal {
    fn receive(&mut self, bytes: &mut [u8], wait: Duration) -> io::Result<usize> {
        use rustix::io::Errno;
        if bytes.is_empty() {
            return Ok(0);
        }
        if !wait.is_zero() {
            // a host that was killed left it exclusive, and only this end can tell
            ioctl_tiocnxcl(&self.theirs)?;
            let limit = Timespec { tv_sec: 0, tv_nsec: wait.subsec_nanos().into() };
            match poll(&mut [PollFd::new(&self.ours, PollFlags::IN)], Some(&limit)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(e) => return Err(e.into()),
            }
        }
        match rustix::io::read(&self.ours, bytes) {
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            other => Ok(other?),
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        use rustix::io::Errno;
        let mut rest = bytes;
        while !rest.is_empty() {
            match rustix::io::write(&self.ours, rest) {
                Ok(count) => rest = &rest[count..],
                Err(Errno::INTR) => {}
                // nobody reads
                Err(Errno::AGAIN) => break,
                Err(e) => return Err(e.into()),
            }
        }
        Ok(())
    }

    fn names(&self, baud: u32) -> (String, String) {
        let place = self.link.as_ref().map_or(self.path.clone(), |link| link.display().to_string());
        (self.path.clone(), format!("uart:{place}@{baud}"))
    }
}

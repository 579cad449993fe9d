//! Files made ahead of need: written full of zeros, in small pieces, because a sync into a file that exists costs half of
//! one that grows, and because one large write would stall the journal's own. A helper thread makes them, or, in a journal
//! that is stepped, whoever steps it.

use crate::disk::{Disk, DiskFile};
use crate::queue::{FileKind, Queue};
use planted::{Bug, planted};
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Written and synced at once. A quarter of a MiB takes the disk about 160 µs.
const PIECE_BYTES: usize = 256 << 10;
/// Pause between two pieces, but for the first file, which somebody waits for: 64 MiB take a second.
const PIECE_PAUSE: Duration = Duration::from_millis(3);
/// How often somebody who waits for a file looks whether the journal is being closed.
const LOOK: Duration = Duration::from_millis(100);

/// When a [`Follower`](crate::Follower)'s next files are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Making {
    /// Ahead of need, by a thread for each kind of file.
    Ahead,
    /// When they are needed, without threads: for simulated time.
    Stepped,
}

impl Making {
    pub(crate) fn files(self, disk: &Arc<dyn Disk>, queue: &Arc<Queue>, kind: FileKind, reserve: Reserve) -> io::Result<Files> {
        let (disk, queue) = (disk.clone(), queue.clone());
        match self {
            Self::Ahead => FileMaker::start(disk, queue, kind, reserve).map(Files::Ahead),
            Self::Stepped => SteppedMaker::new(disk, queue, kind, reserve).map(Files::Stepped),
        }
    }
}

/// Where the next file comes from.
pub(crate) enum Files {
    /// Made ahead by a thread.
    Ahead(FileMaker),
    /// Made when there is a moment for it, by whoever steps the journal.
    Stepped(SteppedMaker),
}

impl Files {
    /// The next file, under its name.
    pub(crate) fn next(&mut self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        match self {
            Self::Ahead(maker) => maker.next(name),
            Self::Stepped(maker) => maker.next(name),
        }
    }

    /// Whether a next file is at hand or need not be asked for: a thread makes it while one waits. Looks at the room on the
    /// disk when stepped.
    pub(crate) fn ready(&mut self) -> io::Result<bool> {
        match self {
            Self::Ahead(_) => Ok(true),
            Self::Stepped(maker) => maker.ready(),
        }
    }
}

/// Makes files ahead of need and watches the room on the disk. While there is too little, new payments are refused.
pub(crate) struct FileMaker {
    ready: Receiver<io::Result<Spare>>,
    disk: Arc<dyn Disk>,
    queue: Arc<Queue>,
    kind: FileKind,
    /// Ends the helper thread when dropped.
    stop: Option<SyncSender<()>>,
    helper: Option<JoinHandle<()>>,
}

/// A pre-written file that has no block yet.
struct Spare {
    name: String,
    file: Box<dyn DiskFile>,
}

impl Spare {
    /// Gives it its name, durably.
    fn named(self, disk: &dyn Disk, name: &str) -> io::Result<Box<dyn DiskFile>> {
        disk.rename(&self.name, name)?;
        if !planted(Bug::ForgottenFolderSync) {
            disk.sync_folder()?;
        }
        Ok(self.file)
    }
}

/// How much room must stay free on the disk for everything else, and how often to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reserve {
    pub(crate) free_bytes: u64,
    pub(crate) file_bytes: u64,
    pub(crate) retry: Duration,
}

impl FileMaker {
    pub(crate) fn start(disk: Arc<dyn Disk>, queue: Arc<Queue>, kind: FileKind, reserve: Reserve) -> io::Result<Self> {
        remove_spares(&*disk, kind)?;
        let (give, ready) = sync_channel(1);
        let (stop, stopped) = sync_channel(0);
        let maker = Maker::new(disk.clone(), queue.clone(), kind, reserve);
        let helper = std::thread::Builder::new().name("files".into());
        let helper = helper.spawn(move || maker.run(&give, &stopped))?;
        Ok(Self { ready, disk, queue, kind, stop: Some(stop), helper: Some(helper) })
    }

    /// The next file, under its name. Waits for room on the disk, unless the journal is being closed.
    fn next(&self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        let spare = loop {
            match self.ready.recv_timeout(LOOK) {
                Ok(spare) => break spare?,
                Err(RecvTimeoutError::Timeout) if !self.queue.is_closing() => {}
                Err(RecvTimeoutError::Timeout) => {
                    return Err(io::Error::new(io::ErrorKind::StorageFull, "closed while the disk is full"));
                }
                Err(RecvTimeoutError::Disconnected) => return Err(io::Error::other("the file maker is gone")),
            }
        };
        spare.named(&*self.disk, name)
    }
}

impl Drop for FileMaker {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(helper) = self.helper.take() {
            let _ = helper.join();
        }
        let _ = remove_spares(&*self.disk, self.kind);
    }
}

/// Makes a file when asked whether one is ready.
pub(crate) struct SteppedMaker {
    maker: Maker,
    spare: Option<Spare>,
}

impl SteppedMaker {
    pub(crate) fn new(disk: Arc<dyn Disk>, queue: Arc<Queue>, kind: FileKind, reserve: Reserve) -> io::Result<Self> {
        remove_spares(&*disk, kind)?;
        Ok(Self { maker: Maker::new(disk, queue, kind, reserve), spare: None })
    }

    /// Whether a file is at hand; makes it if there is room.
    fn ready(&mut self) -> io::Result<bool> {
        let made = match self.spare {
            Some(_) => self.maker.check_room(0),
            None => self.maker.make(Duration::ZERO).map(|spare| self.spare = Some(spare)),
        };
        self.maker.tell(made.as_ref().is_err_and(is_full));
        match made {
            Err(error) if !is_full(&error) => Err(error),
            Ok(()) | Err(_) => Ok(self.spare.is_some()),
        }
    }

    fn next(&mut self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        match self.spare.take() {
            Some(spare) => spare.named(&*self.maker.disk, name),
            None => self.maker.make(Duration::ZERO)?.named(&*self.maker.disk, name),
        }
    }
}

fn prefix(kind: FileKind) -> &'static str {
    match kind {
        FileKind::Journal => "spare-journal-",
        FileKind::Vault => "spare-vault-",
    }
}

/// Removes what an earlier run prepared and did not use.
fn remove_spares(disk: &dyn Disk, kind: FileKind) -> io::Result<()> {
    let is_spare = |name: &&String| name.starts_with(prefix(kind)) && name.ends_with(".tmp");
    disk.list()?.iter().filter(is_spare).try_for_each(|stale| disk.remove(stale))
}

/// What makes files, and tells the queue of the room.
struct Maker {
    disk: Arc<dyn Disk>,
    queue: Arc<Queue>,
    kind: FileKind,
    reserve: Reserve,
    made: u64,
    full: bool,
}

impl Maker {
    fn new(disk: Arc<dyn Disk>, queue: Arc<Queue>, kind: FileKind, reserve: Reserve) -> Self {
        Self { disk, queue, kind, reserve, made: 0, full: false }
    }

    /// Keeps one spare in the channel and one in hand, and looks at the free space as often as `retry` says.
    fn run(mut self, give: &SyncSender<io::Result<Spare>>, stopped: &Receiver<()>) {
        let mut in_hand = None;
        loop {
            let spare = match in_hand.take() {
                Some(spare) => match self.check_room(0) {
                    Ok(()) => Ok(spare),
                    Err(error) => {
                        in_hand = Some(spare);
                        Err(error)
                    }
                },
                None => self.make(if self.made == 0 { Duration::ZERO } else { PIECE_PAUSE }),
            };
            self.tell(spare.as_ref().is_err_and(is_full));
            let offered = match spare {
                Err(error) if is_full(&error) => None,
                spare => Some(give.try_send(spare)),
            };
            let pause = match offered {
                Some(Ok(())) => Duration::ZERO,
                Some(Err(TrySendError::Full(spare))) => {
                    in_hand = spare.ok();
                    self.reserve.retry
                }
                Some(Err(TrySendError::Disconnected(_))) => return,
                None => self.reserve.retry,
            };
            match stopped.recv_timeout(pause) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Lets new payments in or keeps them out.
    fn tell(&mut self, full: bool) {
        if full != self.full {
            self.full = full;
            tracing::warn!(full, kind = ?self.kind, "room on the disk changed; new payments are refused while it is full");
        }
        self.queue.set_full(self.kind, full);
    }

    fn check_room(&self, needed: u64) -> io::Result<()> {
        match self.disk.free_bytes()? >= self.reserve.free_bytes.saturating_add(needed) {
            true => Ok(()),
            false => Err(io::Error::new(io::ErrorKind::StorageFull, "less free space than the reserve")),
        }
    }

    fn make(&mut self, pause: Duration) -> io::Result<Spare> {
        self.check_room(self.reserve.file_bytes)?;
        self.made += 1;
        let name = format!("{}{}.tmp", prefix(self.kind), self.made);
        let mut file = self.disk.create(&name)?;
        match fill_with_zeros(file.as_mut(), self.reserve.file_bytes, pause) {
            Ok(()) => Ok(Spare { name, file }),
            Err(error) => {
                drop(file);
                let _ = self.disk.remove(&name);
                Err(error)
            }
        }
    }
}

/// No room is waited out; any other error of the disk ends the journal.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

fn fill_with_zeros(file: &mut dyn DiskFile, bytes: u64, pause: Duration) -> io::Result<()> {
    let zeros = vec![0; PIECE_BYTES.min(usize::try_from(bytes).unwrap_or(PIECE_BYTES))];
    let mut at = 0;
    while at < bytes {
        let piece = (bytes - at).min(PIECE_BYTES as u64) as usize;
        file.write_at(at, &zeros[..piece])?;
        at += piece as u64;
        if !pause.is_zero() {
            file.sync_data()?;
            std::thread::sleep(pause);
        }
    }
    file.sync_data()
}

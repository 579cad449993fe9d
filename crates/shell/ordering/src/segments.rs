//! Segment files: pre-written ahead of need by a helper thread, filled one after the other.

use crate::disk::{Disk, DiskFile};
use crate::queue::{Intake, Queue};
use crate::vault::fill_with_zeros;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

pub(crate) fn segment_name(first_height: u64) -> String {
    format!("journal-{first_height:020}.log")
}

/// First height of a segment by its file name.
pub(crate) fn segment_height(name: &str) -> Option<u64> {
    name.strip_prefix("journal-")?.strip_suffix(".log")?.parse().ok()
}

/// Heights of all segments, in order.
pub(crate) fn segment_heights(disk: &dyn Disk) -> io::Result<Vec<u64>> {
    let mut heights: Vec<u64> = disk.list()?.iter().filter_map(|name| segment_height(name)).collect();
    heights.sort_unstable();
    Ok(heights)
}

/// The segment being written.
pub(crate) struct OpenSegment {
    pub(crate) file: Box<dyn DiskFile>,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
}

impl OpenSegment {
    pub(crate) fn room(&self) -> u64 {
        self.bytes - self.offset
    }
}

/// Makes segments ahead of need and watches the room on the disk. While there is too little, new payments are refused.
pub(crate) struct SegmentMaker {
    ready: Receiver<Spare>,
    disk: Arc<dyn Disk>,
    /// Ends the helper thread when dropped.
    stop: Option<SyncSender<()>>,
    helper: Option<JoinHandle<()>>,
}

/// A pre-written file that has no block yet.
struct Spare {
    name: String,
    file: Box<dyn DiskFile>,
}

/// How much room must stay free on the disk for everything else, and how often to look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reserve {
    pub(crate) free_bytes: u64,
    pub(crate) segment_bytes: u64,
    pub(crate) retry: Duration,
}

impl SegmentMaker {
    pub(crate) fn start(disk: Arc<dyn Disk>, queue: Arc<Queue>, reserve: Reserve) -> io::Result<Self> {
        for stale in disk.list()?.iter().filter(|name| is_spare(name)) {
            disk.remove(stale)?;
        }
        let (give, ready) = sync_channel(1);
        let (stop, stopped) = sync_channel(0);
        let maker = disk.clone();
        let helper = std::thread::Builder::new()
            .name("segments".into())
            .spawn(move || keep_ready(&*maker, &queue, reserve, &give, &stopped))?;
        Ok(Self { ready, disk, stop: Some(stop), helper: Some(helper) })
    }

    /// The next segment, under its name. Waits for the disk if it must.
    pub(crate) fn next(&self, first_height: u64, bytes: u64) -> io::Result<OpenSegment> {
        let spare = self.ready.recv().map_err(|_| io::Error::other("the segment maker is gone"))?;
        self.disk.rename(&spare.name, &segment_name(first_height))?;
        self.disk.sync_folder()?;
        Ok(OpenSegment { file: spare.file, offset: 0, bytes })
    }
}

impl Drop for SegmentMaker {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(helper) = self.helper.take() {
            let _ = helper.join();
        }
        for spare in self.disk.list().unwrap_or_default().iter().filter(|name| is_spare(name)) {
            let _ = self.disk.remove(spare);
        }
    }
}

fn is_spare(name: &str) -> bool {
    name.starts_with("spare-") && name.ends_with(".tmp")
}

/// Keeps one spare in the channel and one in hand, and looks at the free space as often as `retry` says.
fn keep_ready(disk: &dyn Disk, queue: &Queue, reserve: Reserve, give: &SyncSender<Spare>, stopped: &Receiver<()>) {
    let mut made = 0u64;
    let mut in_hand = None;
    let mut full = false;
    loop {
        let spare = match in_hand.take() {
            Some(spare) => check_room(disk, reserve).map(|()| spare),
            None => {
                made += 1;
                make(disk, format!("spare-{made}.tmp"), reserve)
            }
        };
        let now_full = spare.is_err();
        if now_full != full {
            full = now_full;
            tracing::warn!(full, "room for journal segments changed; new payments are refused while the disk is full");
        }
        queue.set_intake(if full { Intake::DiskFull } else { Intake::Open });
        let delivered = match spare.ok().map(|spare| give.try_send(spare)) {
            Some(Ok(())) => true,
            Some(Err(TrySendError::Full(spare))) => {
                in_hand = Some(spare);
                false
            }
            Some(Err(TrySendError::Disconnected(_))) => return,
            None => false,
        };
        let pause = if delivered { Duration::ZERO } else { reserve.retry };
        match stopped.recv_timeout(pause) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn check_room(disk: &dyn Disk, reserve: Reserve) -> io::Result<()> {
    match disk.free_bytes()? >= reserve.free_bytes {
        true => Ok(()),
        false => Err(io::Error::new(io::ErrorKind::StorageFull, "less free space than the reserve")),
    }
}

fn make(disk: &dyn Disk, name: String, reserve: Reserve) -> io::Result<Spare> {
    check_room(disk, Reserve { free_bytes: reserve.free_bytes.saturating_add(reserve.segment_bytes), ..reserve })?;
    let mut file = disk.create(&name)?;
    match fill_with_zeros(file.as_mut(), reserve.segment_bytes) {
        Ok(()) => Ok(Spare { name, file }),
        Err(error) => {
            drop(file);
            let _ = disk.remove(&name);
            Err(error)
        }
    }
}

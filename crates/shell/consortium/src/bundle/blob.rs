//! One file of a bundle, open.

use super::files::Content;
use super::frame::Record;
use super::log::Shared;
use bytes::BufMut;
use commonware_runtime::{Blob, Error, Handle, IoBufMut, IoBufs, IoBufsMut, ReadOptions, WriteOptions};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A file in memory, behind the log.
pub(crate) struct Member {
    pub(super) shared: Arc<Shared>,
    pub(super) partition: String,
    pub(super) name: Vec<u8>,
    pub(super) content: Content,
    /// The last record that changed it.
    pub(super) changed: AtomicU64,
    /// The last record that may have made it shorter: this one is never left to others (see [`super`]).
    pub(super) shortened: AtomicU64,
    /// Whether its syncs are left to others (see `Bundle::rides_along`).
    pub(super) rides_along: bool,
}

impl Member {
    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        let end = usize::try_from(offset).ok().and_then(|offset| offset.checked_add(bytes.len()));
        end.ok_or(Error::OffsetOverflow)?;
        let (partition, name) = (self.partition.as_str(), self.name.as_slice());
        self.change(Record::Write { partition, name, offset, bytes });
        Ok(())
    }

    /// Changes of a file that was removed meanwhile go nowhere. Tells the record's number.
    fn change(&self, record: Record<'_>) -> Option<u64> {
        let mut state = self.shared.lock();
        if !state.files.get(&self.partition, &self.name).is_some_and(|file| file.content.is(&self.content)) {
            return None;
        }
        let number = state.change(record);
        self.changed.store(number, Ordering::Release);
        Some(number)
    }

    fn durable(&self) -> impl Future<Output = Result<(), Error>> + Send + 'static {
        let wanted = if self.rides_along { &self.shortened } else { &self.changed };
        self.shared.sync(wanted.load(Ordering::Acquire))
    }
}

impl Blob for Member {
    async fn read_at(&self, offset: u64, len: usize, options: ReadOptions) -> Result<IoBufsMut, Error> {
        self.read_at_buf(offset, len, IoBufMut::with_capacity(len), options).await
    }

    async fn read_at_buf(
        &self,
        offset: u64,
        len: usize,
        bufs: impl Into<IoBufsMut> + Send,
        _: ReadOptions,
    ) -> Result<IoBufsMut, Error> {
        let bufs = bufs.into();
        assert!(len <= bufs.capacity(), "what is read has room");
        let content = self.content.lock();
        let from = usize::try_from(offset).map_err(|_| Error::OffsetOverflow)?;
        let end = from.checked_add(len).ok_or(Error::OffsetOverflow)?;
        let bytes = content.get(from..end).ok_or(Error::BlobInsufficientLength)?;
        Ok(fill(bufs, bytes))
    }

    async fn write_at(&self, offset: u64, bufs: impl Into<IoBufs> + Send, options: WriteOptions) -> Result<(), Error> {
        let bytes = bufs.into().coalesce();
        self.write(offset, bytes.as_ref())?;
        if options.contains(WriteOptions::SYNC) {
            self.durable().await?;
        }
        Ok(())
    }

    async fn resize(&self, length: u64) -> Result<(), Error> {
        let wanted = usize::try_from(length).map_err(|_| Error::OffsetOverflow)?;
        let shorter = wanted < self.content.lock().len();
        let made = self.change(Record::Resize { partition: &self.partition, name: &self.name, length });
        if let Some(number) = made.filter(|_| shorter) {
            self.shortened.store(number, Ordering::Release);
        }
        Ok(())
    }

    async fn sync(&self) -> Result<(), Error> {
        self.durable().await
    }

    async fn start_sync(&self) -> Handle<()> {
        Handle::from_future(self.durable())
    }
}

/// The same buffers with these bytes in them.
fn fill(mut bufs: IoBufsMut, bytes: &[u8]) -> IoBufsMut {
    if bufs.len() == bytes.len() {
        bufs.copy_from_slice(bytes);
        return bufs;
    }
    let mut whole = bufs.coalesce();
    whole.clear();
    whole.put_slice(bytes);
    whole.into()
}

/// A file of the engine: in the bundle, or one of its own.
pub(crate) enum EitherBlob<B> {
    Member(Member),
    Own(B),
}

impl<B: Blob> Blob for EitherBlob<B> {
    async fn read_at(&self, offset: u64, len: usize, options: ReadOptions) -> Result<IoBufsMut, Error> {
        match self {
            Self::Member(member) => member.read_at(offset, len, options).await,
            Self::Own(own) => own.read_at(offset, len, options).await,
        }
    }

    async fn read_at_buf(
        &self,
        offset: u64,
        len: usize,
        bufs: impl Into<IoBufsMut> + Send,
        options: ReadOptions,
    ) -> Result<IoBufsMut, Error> {
        match self {
            Self::Member(member) => member.read_at_buf(offset, len, bufs, options).await,
            Self::Own(own) => own.read_at_buf(offset, len, bufs, options).await,
        }
    }

    async fn write_at(&self, offset: u64, bufs: impl Into<IoBufs> + Send, options: WriteOptions) -> Result<(), Error> {
        match self {
            Self::Member(member) => member.write_at(offset, bufs, options).await,
            Self::Own(own) => own.write_at(offset, bufs, options).await,
        }
    }

    async fn resize(&self, length: u64) -> Result<(), Error> {
        match self {
            Self::Member(member) => member.resize(length).await,
            Self::Own(own) => own.resize(length).await,
        }
    }

    async fn sync(&self) -> Result<(), Error> {
        match self {
            Self::Member(member) => member.sync().await,
            Self::Own(own) => own.sync().await,
        }
    }

    async fn start_sync(&self) -> Handle<()> {
        match self {
            Self::Member(member) => member.start_sync().await,
            Self::Own(own) => own.start_sync().await,
        }
    }
}

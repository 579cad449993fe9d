//! A connection whose writes leave together.
//!
//! A client that keeps many requests under way has many answered in one turn of its connection's task. Written one by one, each
//! costs a TLS record and a system call, which is most of what refusing a message costs under overload. Here they gather, and
//! leave when the task has nothing else to do, so that an answer waits for no other that is not ready too.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that may gather: the plaintext of the largest TLS record. More is written before more is taken.
const GATHERED_MAX: usize = 16 << 10;

/// The connection as HTTP sees it. Flushing it only promises that [`poll_turn`] will.
pub(crate) struct Gathered<S>(Arc<Mutex<Held<S>>>);

/// The stream and what waits to be written to it.
struct Held<S> {
    stream: S,
    waiting: Vec<u8>,
    /// How many of the waiting bytes have been written.
    written: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Gathered<S> {
    /// The connection for HTTP, and the same for [`poll_turn`].
    pub(crate) fn new(stream: S) -> (Self, Self) {
        let held = Arc::new(Mutex::new(Held { stream, waiting: Vec::new(), written: 0 }));
        (Self(Arc::clone(&held)), Self(held))
    }

    /// Both halves belong to one task, so that nobody ever waits for this lock.
    fn held(&self) -> MutexGuard<'_, Held<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: AsyncWrite + Unpin> Held<S> {
    /// Hands everything that waits to the stream.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.written < self.waiting.len() {
            let n = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.waiting[self.written..]))?;
            if n == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += n;
        }
        self.waiting.clear();
        self.written = 0;
        Poll::Ready(Ok(()))
    }

    fn poll_leave(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }
}

/// Polls `served`, which reads and writes the other half of `connection`, and lets what it wrote leave at the end of each turn.
///
/// # Errors
/// What `served` ended with, or why its answers could not be written.
pub(crate) fn poll_turn<S, F, E>(
    connection: &Gathered<S>,
    served: Pin<&mut F>,
    cx: &mut Context<'_>,
) -> Poll<Result<(), Ended<E>>>
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Future<Output = Result<(), E>>,
{
    match served.poll(cx) {
        // Whoever ends closes the stream first, and closing writes what waits.
        Poll::Ready(ended) => Poll::Ready(ended.map_err(Ended::Served)),
        Poll::Pending => match connection.held().poll_leave(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(Ended::Write(error))),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Pending,
        },
    }
}

/// Why a connection ended before its time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended<E> {
    #[error("{0}")]
    Served(E),
    #[error("answers could not be written: {0}")]
    Write(io::Error),
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Gathered<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.held().stream).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Gathered<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut held = self.held();
        if held.waiting.len() + bytes.len() > GATHERED_MAX {
            ready!(held.poll_drain(cx))?;
        }
        if bytes.len() >= GATHERED_MAX {
            return Pin::new(&mut held.stream).poll_write(cx, bytes);
        }
        held.waiting.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut held = self.held();
        ready!(held.poll_leave(cx))?;
        Pin::new(&mut held.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    //! What a turn writes leaves once, whole, in order, and never waits for another turn.

    use super::*;
    use std::task::Waker;

    /// A stream that remembers each write, and takes `room` bytes more.
    #[derive(Default)]
    struct Line {
        writes: Vec<Vec<u8>>,
        room: usize,
        closed: bool,
    }

    impl AsyncRead for Line {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }
    }

    impl AsyncWrite for Line {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            if self.closed {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            }
            let taken = bytes.len().min(self.room);
            if taken == 0 {
                return Poll::Pending;
            }
            self.room -= taken;
            self.writes.push(bytes[..taken].to_vec());
            Poll::Ready(Ok(taken))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.closed = true;
            Poll::Ready(Ok(()))
        }
    }

    fn line(room: usize) -> (Gathered<Line>, Gathered<Line>) {
        Gathered::new(Line { room, ..Line::default() })
    }

    /// One turn that hands over each of `pieces`, flushing after each as HTTP does, and then has nothing else to do.
    fn turn(inner: &mut Gathered<Line>, outer: &Gathered<Line>, pieces: &[&[u8]]) -> Poll<Result<(), Ended<io::Error>>> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut pieces = pieces.iter();
        let served = std::future::poll_fn(|cx| {
            for piece in pieces.by_ref() {
                let mut rest = *piece;
                while !rest.is_empty() {
                    rest = &rest[ready!(Pin::new(&mut *inner).poll_write(cx, rest))?..];
                }
                ready!(Pin::new(&mut *inner).poll_flush(cx))?;
            }
            Poll::<io::Result<()>>::Pending
        });
        poll_turn(outer, core::pin::pin!(served), &mut cx)
    }

    fn written(line: &Gathered<Line>) -> Vec<u8> {
        line.held().stream.writes.concat()
    }

    #[test]
    fn the_answers_of_one_turn_leave_in_one_write_at_its_end() {
        let (mut inner, outer) = line(1 << 20);
        assert!(turn(&mut inner, &outer, &[b"first, ", b"second, ", b"third"]).is_pending());
        assert_eq!(outer.held().stream.writes, [b"first, second, third".to_vec()]);
        assert!(turn(&mut inner, &outer, &[]).is_pending());
        assert_eq!(outer.held().stream.writes.len(), 1, "a turn without answers writes nothing");
    }

    #[test]
    fn what_is_too_much_to_gather_leaves_in_between_and_in_order() {
        let (mut inner, outer) = line(1 << 20);
        let (small, half, large) = (vec![1; 10], vec![2; GATHERED_MAX / 2], vec![3; GATHERED_MAX * 3]);
        assert!(turn(&mut inner, &outer, &[&small, &half, &half, &large, &small]).is_pending());
        assert_eq!(written(&outer), [&small[..], &half, &half, &large, &small].concat());
        let lengths: Vec<usize> = outer.held().stream.writes.iter().map(Vec::len).collect();
        assert_eq!(lengths, [10 + GATHERED_MAX / 2, GATHERED_MAX / 2, GATHERED_MAX * 3, 10]);
    }

    #[test]
    fn a_client_that_reads_slowly_gets_the_rest_when_it_reads_on_and_holds_up_the_writer() {
        let (mut inner, outer) = line(4);
        assert!(turn(&mut inner, &outer, &[b"an answer"]).is_pending());
        assert_eq!(written(&outer), b"an a");
        let large = vec![7; GATHERED_MAX];
        assert!(turn(&mut inner, &outer, &[&large]).is_pending());
        assert!(outer.held().waiting.len() <= GATHERED_MAX, "no more gathers than may");
        outer.held().stream.room = 1 << 20;
        assert!(turn(&mut inner, &outer, &[]).is_pending());
        assert_eq!(written(&outer), b"an answer");
    }

    #[test]
    fn closing_writes_what_waits() {
        let (mut inner, outer) = line(1 << 20);
        let mut cx = Context::from_waker(Waker::noop());
        assert!(matches!(Pin::new(&mut inner).poll_write(&mut cx, b"good-bye"), Poll::Ready(Ok(8))));
        assert!(written(&outer).is_empty());
        assert!(matches!(Pin::new(&mut inner).poll_shutdown(&mut cx), Poll::Ready(Ok(()))));
        assert_eq!(written(&outer), b"good-bye");
        assert!(outer.held().stream.closed);
    }

    #[test]
    fn a_broken_line_ends_the_connection() {
        let (mut inner, outer) = line(1 << 20);
        outer.held().stream.closed = true;
        assert!(matches!(turn(&mut inner, &outer, &[b"an answer"]), Poll::Ready(Err(Ended::Write(_)))));
    }
}

//! Many pieces of work on several threads, with results in their own order whatever the threads do.
//!
//! A piece of work that panics is a result like another. Workers do not run far ahead of a slow piece,
//! so that memory is bounded however many there are. It knows nothing of runs.

use crate::world::bounds::message;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError, mpsc};

/// How many results a worker may be ahead of the oldest that is missing.
const AHEAD: u64 = 16;

/// Whose turn it is.
struct Turn<I> {
    items: I,
    next: u64,
    taken: u64,
}

/// Does `work` for each of `items` on `jobs` threads, and hands the results to `take` in their order. When
/// `stop` is set no more work is begun; what was begun is finished and handed over. When `take` breaks, no
/// more is begun either, and what comes after is dropped: what was taken is the same on any number of
/// threads. A panic in `work` becomes its message.
pub fn in_order<I: Send, T: Send>(
    items: impl Iterator<Item = I> + Send,
    jobs: NonZeroUsize,
    stop: &AtomicBool,
    work: impl Fn(&I) -> T + Sync,
    mut take: impl FnMut(I, Result<T, String>) -> ControlFlow<()>,
) {
    let threads = jobs.get() as u64;
    let turn = Mutex::new(Turn { items, next: 0, taken: 0 });
    let (moved, over) = (Condvar::new(), AtomicBool::new(false));
    let lock = || turn.lock().unwrap_or_else(PoisonError::into_inner);
    let claim = || {
        let ahead = |turn: &mut Turn<_>| turn.next - turn.taken >= AHEAD * threads;
        let mut turn = moved.wait_while(lock(), ahead).unwrap_or_else(PoisonError::into_inner);
        let stopped = stop.load(Ordering::Relaxed) || over.load(Ordering::Relaxed);
        let item = if stopped { None } else { turn.items.next() }?;
        turn.next += 1;
        Some((turn.next - 1, item))
    };
    let work =
        |item: &I| catch_unwind(AssertUnwindSafe(|| work(item))).map_err(|panic| message(&*panic));
    let (results, inbox) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let results = results.clone();
            let (claim, work) = (&claim, &work);
            scope.spawn(move || {
                while let Some((index, item)) = claim() {
                    let result = work(&item);
                    if results.send((index, item, result)).is_err() {
                        break;
                    }
                }
            });
        }
        drop(results);
        let mut early = BTreeMap::new();
        let mut due = 0;
        for (index, item, result) in inbox {
            early.insert(index, (item, result));
            while let Some((item, result)) = early.remove(&due) {
                if !over.load(Ordering::Relaxed) && take(item, result).is_break() {
                    over.store(true, Ordering::Relaxed);
                }
                due += 1;
            }
            lock().taken = due;
            moved.notify_all();
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    fn explore(count: u64, jobs: usize) -> Vec<(u64, Result<u64, String>)> {
        let mut taken = Vec::new();
        let stop = AtomicBool::new(false);
        let work = |&index: &u64| {
            assert!(index % 10 != 3, "three in {index}");
            // The later, the sooner done.
            (0..(count - index) * 500)
                .for_each(|turn| assert!(std::hint::black_box(turn) < count * 500));
            index * index
        };
        let jobs = NonZeroUsize::new(jobs).unwrap();
        in_order(0..count, jobs, &stop, work, |index, result| {
            taken.push((index, result));
            ControlFlow::Continue(())
        });
        taken
    }

    #[test]
    fn results_come_in_order_whatever_the_threads_do() {
        let alone = explore(200, 1);
        assert!(alone.iter().map(|(index, _)| *index).eq(0..200));
        assert_eq!(explore(200, 8), alone);
    }

    #[test]
    fn a_panic_is_a_result_and_stops_nothing() {
        let taken = explore(20, 2);
        assert_eq!(taken[3], (3, Err("three in 3".to_owned())));
        assert_eq!(taken[19], (19, Ok(361)));
    }

    #[test]
    fn no_worker_runs_far_ahead_of_a_slow_one() {
        let (begun, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let jobs = NonZeroUsize::new(2).unwrap();
        let (free, gate) = mpsc::channel::<()>();
        let gate = Mutex::new(gate);
        let free = Mutex::new(Some(free));
        let work = |&index: &u64| {
            let before = begun.fetch_add(1, Ordering::SeqCst);
            if index == 0 {
                let _closed = gate.lock().unwrap().recv();
            } else if before == 2 * AHEAD - 1 {
                // Nobody may begin more until the first is done.
                free.lock().unwrap().take();
            }
            assert!(index < 2 * AHEAD || free.lock().unwrap().is_none(), "too far ahead");
        };
        let mut taken = Vec::new();
        in_order(0..100, jobs, &stop, work, |_, result| {
            taken.push(result);
            ControlFlow::Continue(())
        });
        assert_eq!(taken, vec![Ok(()); 100]);
    }

    #[test]
    fn when_stopped_what_was_begun_is_handed_over() {
        let stop = AtomicBool::new(false);
        let mut taken = Vec::new();
        let work = |index: &u64| stop.store(*index >= 5, Ordering::Relaxed);
        in_order(0..1000_u64, NonZeroUsize::MIN, &stop, work, |index, _| {
            taken.push(index);
            ControlFlow::Continue(())
        });
        assert_eq!(taken, [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn what_is_taken_before_a_break_does_not_depend_on_threads() {
        for jobs in [1, 2, 8] {
            let (stop, mut taken) = (AtomicBool::new(false), Vec::new());
            let jobs = NonZeroUsize::new(jobs).unwrap();
            in_order(
                0..1000_u64,
                jobs,
                &stop,
                |index| index * 2,
                |index, result| {
                    taken.push(result.unwrap());
                    if index == 7 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                },
            );
            assert_eq!(taken, [0, 2, 4, 6, 8, 10, 12, 14], "{jobs}");
        }
    }
}

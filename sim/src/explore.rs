//! Many pieces of work on several threads, with results in their own order whatever the threads do.
//!
//! A piece of work that panics is a result like another. Workers do not run far ahead of a slow piece,
//! so that memory is bounded however many there are. It knows nothing of runs.

use std::any::Any;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError, mpsc};

/// How many results a worker may be ahead of the oldest that is missing.
const AHEAD: u64 = 16;

/// Whose turn it is.
#[derive(Debug, Default)]
struct Turn {
    next: u64,
    taken: u64,
}

/// Does `work` for `0..count` on `jobs` threads, and hands the results to `take` in that order. When
/// `stop` is set no more work is begun; what was begun is finished and handed over. A panic in `work`
/// becomes the message of an `Err`.
pub fn in_order<T: Send>(
    count: u64,
    jobs: NonZeroUsize,
    stop: &AtomicBool,
    work: impl Fn(u64) -> Result<T, String> + Sync,
    mut take: impl FnMut(u64, Result<T, String>),
) {
    let threads = u64::try_from(jobs.get()).unwrap_or(count).min(count);
    let turn = Mutex::new(Turn::default());
    let moved = Condvar::new();
    let lock = || turn.lock().unwrap_or_else(PoisonError::into_inner);
    let claim = || {
        let ahead = |turn: &mut Turn| turn.next - turn.taken >= AHEAD * threads;
        let mut turn = moved.wait_while(lock(), ahead).unwrap_or_else(PoisonError::into_inner);
        let more = turn.next < count && !stop.load(Ordering::Relaxed);
        more.then(|| {
            turn.next += 1;
            turn.next - 1
        })
    };
    let work = |index| {
        catch_unwind(AssertUnwindSafe(|| work(index))).unwrap_or_else(|panic| Err(message(&*panic)))
    };
    let (results, inbox) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let results = results.clone();
            let (claim, work) = (&claim, &work);
            scope.spawn(move || {
                while let Some(index) = claim() {
                    if results.send((index, work(index))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(results);
        let mut early = BTreeMap::new();
        let mut due = 0;
        for (index, result) in inbox {
            early.insert(index, result);
            while let Some(result) = early.remove(&due) {
                take(due, result);
                due += 1;
            }
            lock().taken = due;
            moved.notify_all();
        }
    });
}

/// The message of a panic.
pub fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    fn explore(count: u64, jobs: usize) -> Vec<(u64, Result<u64, String>)> {
        let mut taken = Vec::new();
        let stop = AtomicBool::new(false);
        let work = |index: u64| {
            assert!(index % 10 != 3, "three in {index}");
            // The later, the sooner done.
            (0..(count - index) * 500)
                .for_each(|turn| assert!(std::hint::black_box(turn) < count * 500));
            Ok(index * index)
        };
        let jobs = NonZeroUsize::new(jobs).unwrap();
        in_order(count, jobs, &stop, work, |index, result| taken.push((index, result)));
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
        let work = |index: u64| {
            let before = begun.fetch_add(1, Ordering::SeqCst);
            if index == 0 {
                let _closed = gate.lock().unwrap().recv();
            } else if before == 2 * AHEAD - 1 {
                // Nobody may begin more until the first is done.
                free.lock().unwrap().take();
            }
            assert!(index < 2 * AHEAD || free.lock().unwrap().is_none(), "too far ahead");
            Ok(())
        };
        let mut taken = Vec::new();
        in_order(100, jobs, &stop, work, |_, result| taken.push(result));
        assert_eq!(taken, vec![Ok(()); 100]);
    }

    #[test]
    fn when_stopped_what_was_begun_is_handed_over() {
        let stop = AtomicBool::new(false);
        let mut taken = Vec::new();
        let work = |index: u64| {
            stop.store(index >= 5, Ordering::Relaxed);
            Ok(index)
        };
        in_order(1000, NonZeroUsize::MIN, &stop, work, |index, _| taken.push(index));
        assert_eq!(taken, [0, 1, 2, 3, 4, 5]);
    }
}

//! The workers that a poll loop hands its records to (F22, F24): each a thread with a queue of its own.
//! Records of one key go to one worker, so that they are processed in their order, as parallel consumers do;
//! those without a key go round. What a commit covers meanwhile is decided in `offsets`.

use super::application::Phase;
use super::fetcher::Run;
use super::processing::fails;
use super::{Consumer, Out, Timer};
use crate::observation::Observation;
use ackproof_types::mix::mix;
use ackproof_types::{Offset, OnRecordFailure, Record, TopicPartition};
use std::collections::VecDeque;

/// All workers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Pool {
    workers: Vec<Worker>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Worker {
    /// The first is at work.
    tasks: VecDeque<Task>,
    /// Failed attempts at it.
    failed: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Task {
    partition: TopicPartition,
    /// The same, by the id of the topic.
    place: TopicPartition,
    offset: Offset,
    record: Record,
}

impl Pool {
    pub(super) fn new(workers: Option<u16>) -> Self {
        Self { workers: vec![Worker::default(); workers.map_or(0, usize::from)] }
    }

    /// Whether the poll loop hands its records to it.
    pub(super) fn is_there(&self) -> bool {
        !self.workers.is_empty()
    }

    /// Records that are with workers.
    pub(super) fn in_hand(&self) -> usize {
        self.workers.iter().map(|worker| worker.tasks.len()).sum()
    }

    /// Drops what no worker has begun, of partitions that are `given_up`.
    pub(super) fn drop_waiting(&mut self, given_up: impl Fn(TopicPartition) -> bool) {
        for worker in &mut self.workers {
            let begun = worker.tasks.pop_front();
            worker.tasks.retain(|task| !given_up(task.partition));
            worker.tasks.extend(begun);
            // To the front again.
            worker.tasks.rotate_right(usize::from(begun.is_some()));
        }
    }

    fn worker_of(&self, record: &Record) -> usize {
        let number = record.key.map_or(u64::from(record.id.number), |key| mix(u64::from(key)));
        let workers = self.workers.len().max(1) as u64;
        usize::try_from(number % workers).unwrap_or(0)
    }
}

impl Consumer {
    /// Gives the records of `runs` to the workers.
    pub(super) fn hand_over(&mut self, runs: impl IntoIterator<Item = Run>, out: &mut Out) {
        for run in runs {
            for (index, record) in run.records.iter().enumerate() {
                let task = Task {
                    partition: run.partition,
                    place: run.place(),
                    offset: run.base.plus(index),
                    record: *record,
                };
                if let Some(owned) = self.positions.owned.get_mut(&task.partition) {
                    owned.work.hand_over(task.offset);
                }
                let number = self.pool.worker_of(record);
                self.pool.workers[number].tasks.push_back(task);
                if self.pool.workers[number].tasks.len() == 1 {
                    self.begin_task(number, out);
                }
            }
        }
    }

    fn begin_task(&self, number: usize, out: &mut Out) {
        let worker = u16::try_from(number).unwrap_or(u16::MAX);
        out.arm(Timer::Work(worker), self.config.application.process);
    }

    /// A worker's attempt is over. Whether the poll loop has something to do.
    pub(super) fn task_over(&mut self, worker: u16, out: &mut Out) -> bool {
        let number = usize::from(worker);
        let settings = &self.config.application;
        let Some(one) = self.pool.workers.get_mut(number) else { return false };
        let Some(&Task { partition, place, offset, record }) = one.tasks.front() else {
            return false;
        };
        let failed = fails(settings, record.id, one.failed, 0);
        if failed && one.failed + 1 < settings.attempts {
            one.failed += 1;
            out.arm(Timer::Work(worker), settings.again_after());
            return false;
        }
        let group = self.config.group;
        // An exception in a worker reaches nobody: nothing comes of the record, unless it is put aside.
        out.observe(if failed && settings.consuming.on_failure != OnRecordFailure::DeadLetter {
            Observation::GaveUp { group, partition: place, offset, record }
        } else {
            let dead_lettered = failed;
            Observation::Processed { group, partition: place, offset, record, dead_lettered }
        });
        one.failed = 0;
        one.tasks.pop_front();
        if !one.tasks.is_empty() {
            self.begin_task(number, out);
        }
        if let Some(owned) = self.positions.owned.get_mut(&partition) {
            owned.work.complete(offset);
        }
        self.note(partition, offset);
        self.ledger.finished = self.ledger.finished.saturating_add(1);
        if self.application.phase == Phase::Draining {
            self.exit_if_done(out);
        }
        self.resume(out)
    }
}

//! The source that runs a lane of a scan.

use std::sync::Arc;

use millwork_codecs::budget::Budget;
use millwork_format::batch::MorselId;
use millwork_format::page::PageContext;
use millwork_format::read::RowGroupScan;

use super::ScanShared;
use super::grant::Grant;
use super::morsel::{Conjunct, MorselScan, Progress};
use super::queue::{Taken, Unit};
use super::shared::Prepared;
use crate::error::Result;
use crate::expr::Program;
use crate::pipeline::{Context, Signal, Source, SourceAnswer};

/// Units whose bytes are asked for ahead of time, a lane.
const READ_AHEAD_UNITS: usize = 3;

/// One lane of a scan.
#[derive(Debug)]
pub struct ScanSource {
    shared: Arc<ScanShared>,
    conjuncts: Vec<Conjunct>,
    context: Option<PageContext>,
    work: Work,
    entries_reported: u64,
    stopped: bool,
}

#[derive(Debug)]
enum Work {
    None,
    Group(Arc<RowGroupScan>, Grant),
    Morsel(Box<MorselScan>, Grant),
}

impl Work {
    fn take(&mut self) -> Self {
        std::mem::replace(self, Self::None)
    }
}

impl ScanSource {
    /// A lane of `shared`.
    ///
    /// # Errors
    /// `Internal` if a predicate cannot be evaluated at all.
    pub fn new(shared: &Arc<ScanShared>) -> Result<Self> {
        let spec = shared.spec();
        let predicates = spec.predicates.iter().map(|one| Program::new(one.clone()));
        let mut conjuncts: Vec<Conjunct> =
            predicates.map(|one| Ok(Conjunct::Predicate(Box::new(one?)))).collect::<Result<_>>()?;
        conjuncts.extend(
            spec.filters.iter().map(|learnt| {
                Conjunct::Learnt(Arc::clone(&learnt.filter).row_test(), learnt.column)
            }),
        );
        Ok(Self {
            shared: Arc::clone(shared),
            conjuncts,
            context: None,
            work: Work::None,
            entries_reported: 0,
            stopped: false,
        })
    }

    /// Takes the next unit. `Some` is the answer if there is none.
    fn take(&mut self, context: &mut Context<'_>, budget: &Budget) -> Result<Option<SourceAnswer>> {
        let (unit, grant) = match self.shared.take(context.waker, budget) {
            Taken::Unit(unit, grant) => (unit, grant),
            Taken::Later => return Ok(Some(SourceAnswer::Blocked)),
            Taken::Nothing => return Ok(Some(SourceAnswer::Signal(Signal::End))),
        };
        self.work = match unit {
            Unit::Planned(morsel) => Work::Morsel(morsel.begin(&self.shared), grant),
            Unit::Morsel(morsel) => Work::Morsel(morsel, grant),
            Unit::Group { group: Some(group), .. } => Work::Group(group, grant),
            Unit::Group { file, ordinal, group: None } => {
                match self.shared.open_group(file, ordinal)? {
                    Some(group) => Work::Group(group, grant),
                    None => {
                        self.shared.put_morsels((file, ordinal), Vec::new(), &grant);
                        Work::None
                    }
                }
            }
        };
        self.shared.read_ahead(READ_AHEAD_UNITS, budget);
        Ok(None)
    }

    /// No rows of the work at hand come any more.
    fn end_work(&mut self) {
        match self.work.take() {
            Work::None => {}
            Work::Group(group, grant) => {
                let place = (group.scan().ordinal() as usize, group.ordinal());
                self.shared.put_morsels(place, Vec::new(), &grant);
            }
            Work::Morsel(morsel, grant) => {
                let id = morsel.id();
                // Its memory goes back before what it was granted.
                drop(morsel);
                self.shared.finish_morsel(id, &grant);
            }
        }
    }
}

impl Source for ScanSource {
    fn poll(&mut self, context: &mut Context<'_>) -> Result<SourceAnswer> {
        let budget = match &self.context {
            Some(pages) => pages.budget().clone(),
            None => {
                let budget = self.shared.budget(context.budget);
                self.context = Some(PageContext::new(budget.clone(), self.shared.limits()));
                budget
            }
        };
        // What was asked for in this call, after the waker was registered: if just that is still
        // missing then there is nothing to do but wait.
        let mut asked = Vec::new();
        loop {
            if self.stopped {
                return Ok(SourceAnswer::Signal(Signal::End));
            }
            match &mut self.work {
                Work::None => {
                    if let Some(answer) = self.take(context, &budget)? {
                        return Ok(answer);
                    }
                }
                Work::Group(group, grant) => {
                    let prepared = self.shared.prepare(group, &budget)?;
                    if let Prepared::Need(need) = prepared {
                        if asked == need.required {
                            return Ok(SourceAnswer::Blocked);
                        }
                        let fetcher = group.scan().fetcher();
                        fetcher.store().wake_at_delivery(context.waker);
                        if fetcher.request(&need.required, &budget)? > 0 {
                            self.shared.metrics().round();
                        }
                        asked = need.required;
                        continue;
                    }
                    let (morsels, evidence) = match prepared {
                        Prepared::Excluded(evidence) => (Vec::new(), Some(evidence)),
                        _ => (self.shared.cut(group), None),
                    };
                    self.shared.pruned(group, evidence);
                    let (file, ordinal) = (group.scan().ordinal() as usize, group.ordinal());
                    self.shared.put_morsels((file, ordinal), morsels, grant);
                    self.work = Work::None;
                }
                Work::Morsel(morsel, _) => {
                    let Some(pages) = &mut self.context else {
                        return Ok(SourceAnswer::Blocked);
                    };
                    match morsel.step(&self.shared, &mut self.conjuncts, pages)? {
                        Progress::Batch(batch) => return Ok(SourceAnswer::Batch(batch)),
                        Progress::Working => return Ok(SourceAnswer::Working),
                        Progress::Done => {
                            // The lane asks for more only when what it was given is through.
                            self.end_work();
                            let entries = self.conjuncts.iter().map(|conjunct| match conjunct {
                                Conjunct::Predicate(it) => it.dictionary_entries_evaluated(),
                                Conjunct::Learnt(..) => 0,
                            });
                            let entries = entries.sum::<u64>();
                            self.shared.entries_evaluated(entries - self.entries_reported);
                            self.entries_reported = entries;
                        }
                        Progress::Need(need) if asked == need.required => {
                            return Ok(SourceAnswer::Blocked);
                        }
                        Progress::Need(need) => {
                            morsel.fetcher().store().wake_at_delivery(context.waker);
                            morsel.request(&need, &self.shared, &budget)?;
                            asked = need.required;
                        }
                    }
                }
            }
        }
    }

    fn stop(&mut self) {
        self.stopped = true;
        // The lane is not polled again: others may wait for what it was granted, or for its morsel to be through.
        self.end_work();
    }

    fn morsel(&self) -> MorselId {
        match &self.work {
            Work::None => MorselId::END,
            Work::Group(group, _) => MorselId {
                file: group.scan().ordinal(),
                row_group: group.ordinal() as u32,
                morsel: 0,
            },
            Work::Morsel(morsel, _) => morsel.id(),
        }
    }

    fn name(&self) -> &str {
        self.shared.name()
    }
}

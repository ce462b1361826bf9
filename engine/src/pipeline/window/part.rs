//! The two ends of a window as parts of pipelines.

use millwork_format::batch::Batch;

use super::{Place, Taken, Window};
use crate::error::Result;
use crate::pipeline::Signal;
use crate::pipeline::operator::{Context, KindSet, Sink, SinkAnswer, Source, SourceAnswer};

/// The sink of one lane, made by [`Window::sink`]. It takes rows of all kinds.
#[derive(Debug)]
pub struct WindowSink {
    window: Window,
    place: Place,
}

impl WindowSink {
    pub(super) fn new(window: &Window) -> Self {
        Self { window: window.clone(), place: Place::Ready }
    }
}

impl Sink for WindowSink {
    fn push(&mut self, batch: Batch, context: &mut Context<'_>) -> Result<SinkAnswer> {
        let (place, answer) = self.window.push(batch, context.waker)?;
        self.place = place;
        Ok(answer)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Result<SinkAnswer> {
        Ok(self.window.poll(self.place, context.waker))
    }

    fn accepts(&self, _: KindSet) -> bool {
        true
    }

    fn name(&self) -> &str {
        "window"
    }
}

/// A source that takes the batches of several windows, one window after the other.
#[derive(Debug)]
pub struct WindowSource {
    windows: Vec<Window>,
    next: usize,
}

impl WindowSource {
    /// The batches of `windows`; nobody else takes from them.
    #[must_use]
    pub fn new(windows: Vec<Window>) -> Self {
        Self { windows, next: 0 }
    }
}

impl Source for WindowSource {
    fn poll(&mut self, context: &mut Context<'_>) -> Result<SourceAnswer> {
        while let Some(window) = self.windows.get(self.next) {
            match window.take(context.waker) {
                // Origins of different windows say nothing about one another.
                Taken::Batch(batch) => return Ok(SourceAnswer::Batch(batch.with_origin(None))),
                Taken::Later => return Ok(SourceAnswer::Blocked),
                Taken::Nothing => self.next += 1,
            }
        }
        Ok(SourceAnswer::Signal(Signal::End))
    }

    fn stop(&mut self) {
        self.windows.iter().for_each(Window::abandon);
    }

    fn name(&self) -> &str {
        "windows"
    }
}

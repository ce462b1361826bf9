//! A window alone: order, fullness, waking, ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use millwork_codecs::buffer::Slice;
use millwork_format::batch::Origin;
use millwork_format::selection::Selection;
use millwork_format::vector::Vector;

use super::*;
use crate::error::ErrorKind;

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Count {
    fn times(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

fn id(row_group: u32, morsel: u32) -> MorselId {
    MorselId { file: 0, row_group, morsel }
}

/// A batch of 100 bytes that says `value`.
fn batch(of: Option<MorselId>, value: u8) -> Batch {
    let column = Vector::flat(Slice::copy_of(&[value; 100]));
    let origin = of.map(|MorselId { file, row_group, morsel }| Origin {
        file,
        row_group,
        morsel,
        first_row: u64::from(value),
    });
    Batch::new([column], 100).unwrap().with_origin(origin)
}

fn value(batch: &Batch) -> u8 {
    batch.columns()[0].values::<u8>().unwrap()[0]
}

fn values(window: &Window) -> Vec<u8> {
    window.take_all().iter().map(value).collect()
}

#[test]
fn morsels_leave_in_order_whoever_is_first() {
    let budget = Budget::unlimited();
    let window = Window::new(WindowOrder::ByMorsel, u64::MAX, &budget).unwrap();
    let push = |of, value| window.push(batch(of, value), Waker::noop()).unwrap();
    assert_eq!(push(Some(id(0, 1)), 3), (Place::Ahead(id(0, 1)), SinkAnswer::More));
    push(Some(id(1, 0)), 5);
    push(Some(id(0, 1)), 4);
    assert!(values(&window).is_empty());
    assert_eq!(push(Some(id(0, 0)), 1), (Place::Ready, SinkAnswer::More));
    push(None, 2);
    assert_eq!(values(&window), [1, 2]);
    assert_eq!(budget.reserved(), 300);
    window.pass(id(0, 1));
    assert_eq!(values(&window), [3, 4]);
    // What was said before is no news.
    window.pass(id(0, 0));
    push(Some(id(0, 1)), 4);
    assert_eq!(values(&window), [4]);
    push(Some(id(2, 0)), 6);
    window.close();
    assert_eq!(values(&window), [5, 6]);
    assert!(window.next().is_none());
    assert_eq!(budget.reserved(), 0);
}

#[test]
fn each_half_blocks_alone_and_wakes_when_it_may_go_on() {
    let budget = Budget::unlimited();
    let window = Window::new(WindowOrder::ByMorsel, 200, &budget).unwrap();
    let (first, second) = (Arc::new(Count::default()), Arc::new(Count::default()));
    let (head, ahead) = (Waker::from(Arc::clone(&first)), Waker::from(Arc::clone(&second)));
    window.push(batch(Some(id(0, 1)), 2), &ahead).unwrap();
    let (place, answer) = window.push(batch(Some(id(0, 1)), 3), &ahead).unwrap();
    assert_eq!(answer, SinkAnswer::Blocked);
    // The other half is empty: the lane in front goes on until it is full, too.
    assert_eq!(window.push(batch(Some(id(0, 0)), 0), &head).unwrap().1, SinkAnswer::More);
    assert_eq!(window.push(batch(Some(id(0, 0)), 1), &head).unwrap().1, SinkAnswer::Blocked);
    assert_eq!((first.times(), second.times()), (0, 0));
    assert!(matches!(window.take(Waker::noop()), Taken::Batch(batch) if value(&batch) == 0));
    assert_eq!(first.times(), 1);
    assert_eq!(window.poll(Place::Ready, &head), SinkAnswer::More);
    assert_eq!(window.poll(place, &ahead), SinkAnswer::Blocked);
    window.pass(id(0, 1));
    assert!(second.times() > 0);
    // Its batches are in front of the taker now.
    assert_eq!(window.poll(place, &ahead), SinkAnswer::Blocked);
    assert!(matches!(window.take(Waker::noop()), Taken::Batch(batch) if value(&batch) == 1));
    assert!(matches!(window.take(Waker::noop()), Taken::Batch(batch) if value(&batch) == 2));
    assert_eq!(window.poll(place, &ahead), SinkAnswer::More);
}

#[test]
fn the_taker_is_woken_by_what_it_can_take() {
    let budget = Budget::unlimited();
    let window = Window::new(WindowOrder::ByMorsel, 200, &budget).unwrap();
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    assert!(matches!(window.take(&waker), Taken::Later));
    window.push(batch(Some(id(3, 0)), 9), Waker::noop()).unwrap();
    assert_eq!(count.times(), 0);
    window.pass(id(3, 0));
    assert_eq!(count.times(), 1);
    assert!(matches!(window.take(&waker), Taken::Batch(_)));
    assert!(matches!(window.take(&waker), Taken::Later));
    window.close();
    assert_eq!(count.times(), 2);
    assert!(matches!(window.take(&waker), Taken::Nothing));
}

#[test]
fn an_abandoned_window_gives_back_and_ends_its_lanes() {
    let budget = Budget::unlimited();
    let window = Window::new(WindowOrder::AsTheyCome, 0, &budget).unwrap();
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    assert_eq!(window.push(batch(None, 1), &waker).unwrap().1, SinkAnswer::Blocked);
    assert_eq!(budget.reserved(), 100);
    // However small a window is, when it is empty it takes a batch.
    assert!(matches!(window.take(Waker::noop()), Taken::Batch(_)));
    assert_eq!((count.times(), window.poll(Place::Ready, &waker)), (1, SinkAnswer::More));
    assert_eq!(window.push(batch(None, 1), &waker).unwrap().1, SinkAnswer::Blocked);
    window.abandon();
    assert_eq!((budget.reserved(), count.times()), (0, 2));
    assert_eq!(window.poll(Place::Ready, &waker), SinkAnswer::Done);
    assert_eq!(window.push(batch(None, 2), &waker).unwrap().1, SinkAnswer::Done);
    assert!(window.next().is_none());
}

#[test]
fn what_the_budget_refuses_is_an_error_that_names_the_window() {
    let budget = Budget::new(150);
    let window =
        Window::new(WindowOrder::AsTheyCome, u64::MAX, &budget.consumer("result")).unwrap();
    window.push(batch(None, 1), Waker::noop()).unwrap();
    let refused = window.push(batch(None, 2), Waker::noop()).unwrap_err();
    assert_eq!(*refused.kind(), ErrorKind::Memory);
    assert!(refused.to_string().contains("result: 100"), "{refused}");
    assert_eq!(values(&window), [1]);
}

#[test]
fn sparse_batches_leave_their_pages_behind() {
    let budget = Budget::unlimited();
    let window = Window::new(WindowOrder::AsTheyCome, u64::MAX, &budget).unwrap();
    let few = Selection::from_rows(Slice::copy_of(&[7_u32, 8]), 100).unwrap();
    let sparse = batch(None, 1).with_selection(few).unwrap();
    window.push(sparse, Waker::noop()).unwrap();
    let taken = window.take_all();
    assert_eq!((taken[0].rows(), taken[0].count()), (2, 2));
}

//! Where records lie: many on one page, each thread filling its own. A record that was
//! a piece of memory of its own would be a hole between others when it leaves.

use std::{
    cell::RefCell,
    ops::Deref,
    sync::{Arc, OnceLock},
};

use super::record::Record;

/// Records of a page.
const SLOTS: usize = 64;

#[derive(Debug)]
struct Page {
    slots: Box<[OnceLock<Record>]>,
}

thread_local! {
    /// The page that is being filled, and its next slot.
    static PAGE: RefCell<Option<(Arc<Page>, usize)>> = const { RefCell::new(None) };
}

/// A record, held by all who need it.
#[derive(Clone, Debug)]
pub(super) struct Entered {
    page: Arc<Page>,
    slot: usize,
}

impl Entered {
    pub(super) fn new(record: Record) -> Self {
        let (page, slot) = PAGE.with_borrow_mut(|page| match page {
            Some((page, next)) if *next < SLOTS => {
                *next += 1;
                (Arc::clone(page), *next - 1)
            }
            page => {
                let slots = std::iter::repeat_with(OnceLock::new).take(SLOTS).collect();
                let new = Arc::new(Page { slots });
                *page = Some((Arc::clone(&new), 1));
                (new, 0)
            }
        });
        page.slots[slot].get_or_init(|| record);
        Self { page, slot }
    }
}

impl Deref for Entered {
    type Target = Record;

    fn deref(&self) -> &Record {
        // It was put there when this was made, and stays.
        self.page.slots[self.slot].get().unwrap_or_else(|| unreachable!("a slot without its record"))
    }
}

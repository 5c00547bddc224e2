//! The built-in image and the built-in sound.

use std::borrow::Cow;

use bytes::Bytes;

use super::png::png;
use crate::{ask::Images, reply::Media};

/// A PNG of 64 by 64 pixels.
pub(super) fn image() -> Media {
    Media { mime: Cow::Borrowed("image/png"), content: Bytes::from_static(include_bytes!("image.png")) }
}

/// A tenth of a second of silence, in the form in which Gemini speaks.
pub(super) fn sound() -> Media {
    Media {
        mime: Cow::Borrowed("audio/L16;codec=pcm;rate=24000"),
        content: Bytes::from_static(&[0; 2 * 24_000 / 10]),
    }
}

/// Width and height where none are asked for.
const USUAL_SIZE: (u32, u32) = (1024, 1024);

/// As many pictures as are asked for, all the same, of the size that is asked
/// for.
pub(super) fn images(want: &Images) -> Vec<Media> {
    let (width, height) = want.size.unwrap_or(USUAL_SIZE);
    let picture = Media { mime: Cow::Borrowed("image/png"), content: Bytes::from(png(width, height)) };
    (0..want.count).map(|_| picture.clone()).collect()
}

//! The built-in image and the built-in sound.

use crate::reply::Media;

/// A PNG of 64 by 64 pixels.
pub(super) const IMAGE: Media = Media { mime: "image/png", content: include_bytes!("image.png") };

/// A tenth of a second of silence, in the form in which Gemini speaks.
pub(super) const SOUND: Media =
    Media { mime: "audio/L16;codec=pcm;rate=24000", content: &[0; 2 * 24_000 / 10] };

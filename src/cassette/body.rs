//! A request's body, as its type tells what it is.

use bytes::Bytes;
use futures_util::{FutureExt, stream};

use super::{Body, Field};

impl Body {
    /// Reads a body of this MIME type.
    pub fn read(content_type: Option<&str>, bytes: &Bytes) -> Self {
        if bytes.is_empty() {
            return Self::None;
        }
        if let Some(boundary) = content_type.and_then(|kind| multer::parse_boundary(kind).ok())
            && let Some(fields) = form(bytes, boundary)
        {
            return Self::Form(fields);
        }
        // Some clients say nothing of JSON, or something else.
        if matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['))
            && let Ok(json) = serde_json::from_slice(bytes)
        {
            return Self::Json(json);
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Bytes(bytes.clone()),
        }
    }

    /// About how many bytes it has.
    pub fn size(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Json(json) => size_of_json(json),
            Self::Text(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::Form(fields) => fields.iter().map(|field| field.content.len()).sum(),
        }
    }
}

fn size_of_json(json: &serde_json::Value) -> usize {
    use serde_json::Value;
    match json {
        Value::String(text) => text.len() + 2,
        Value::Array(items) => items.iter().map(|item| size_of_json(item) + 1).sum::<usize>() + 2,
        Value::Object(members) => {
            members.iter().map(|(name, value)| name.len() + 4 + size_of_json(value)).sum::<usize>() + 2
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 5,
    }
}

/// The fields of a form; `None` where it is none.
fn form(bytes: &Bytes, boundary: String) -> Option<Vec<Field>> {
    let whole = bytes.clone();
    let reading = async move {
        let pieces = stream::iter([Ok::<_, std::io::Error>(whole)]);
        let mut form = multer::Multipart::new(pieces, boundary);
        let mut fields = Vec::new();
        while let Some(field) = form.next_field().await.ok()? {
            fields.push(Field {
                name: field.name().unwrap_or_default().to_owned(),
                filename: field.file_name().map(str::to_owned),
                content_type: field.content_type().map(ToString::to_string),
                content: field.bytes().await.ok()?,
            });
        }
        Some(fields)
    };
    // All of it is there: nothing is waited for.
    reading.now_or_never().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_its_fields_whatever_parts_them() {
        let of = |boundary: &str| {
            let text = format!(
                "--{boundary}\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n\
                 --{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\
                 Content-Type: audio/wav\r\n\r\nRIFF\r\n--{boundary}--\r\n"
            );
            let kind = format!("multipart/form-data; boundary={boundary}");
            Body::read(Some(&kind), &text.into())
        };
        let Body::Form(fields) = of("abc") else { panic!("it is a form") };
        assert_eq!((fields[0].name.as_str(), &fields[0].content[..]), ("model", b"whisper-1".as_slice()));
        assert_eq!(fields[1].filename.as_deref(), Some("a.wav"));
        assert_eq!(of("abc"), of("--------xyz"));
    }

    #[test]
    fn json_is_known_by_its_looks() {
        assert!(matches!(Body::read(None, &Bytes::from_static(b" {\"a\": 1}")), Body::Json(_)));
        assert!(matches!(Body::read(Some("application/json"), &Bytes::from_static(b"{a}")), Body::Text(_)));
        assert!(matches!(Body::read(None, &Bytes::from_static(b"\xff")), Body::Bytes(_)));
        assert_eq!(Body::read(None, &Bytes::new()), Body::None);
    }
}

//! The server's own endpoints, under `/__mynah/`.

use http::{HeaderValue, Method, Response, StatusCode, header};
use serde_json::{Value, json};

use super::body::PlanBody;
use crate::{dialect::event::Carry, request::Request};

const ROOT: &str = "/__mynah/";

/// The answer of an endpoint of ours; `None` if the path is not one.
pub(super) fn answer(request: &Request) -> Option<Response<PlanBody>> {
    let endpoint = request.path.strip_prefix(ROOT)?;
    Some(match (endpoint, &request.method) {
        ("health", &Method::GET | &Method::HEAD) => respond(
            StatusCode::OK,
            &json!({"status": "ok", "name": "mynah", "version": env!("CARGO_PKG_VERSION")}),
        ),
        ("health", _) => {
            let mut response =
                respond(StatusCode::METHOD_NOT_ALLOWED, &json!({"error": "health answers GET"}));
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            response
        }
        (other, _) => respond(
            StatusCode::NOT_FOUND,
            &json!({"error": format!("there is no {ROOT}{other}"), "endpoints": [format!("{ROOT}health")]}),
        ),
    })
}

/// The refusal of a request that names its session wrongly.
pub(super) fn refuse(problem: &str) -> Response<PlanBody> {
    respond(StatusCode::BAD_REQUEST, &json!({"error": {"message": format!("mynah: {problem}")}}))
}

fn respond(status: StatusCode, body: &Value) -> Response<PlanBody> {
    let body = format!("{body}\n");
    let ends = vec![body.len()];
    let mut response = Response::new(PlanBody::new(body.into(), ends, Carry::Length));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

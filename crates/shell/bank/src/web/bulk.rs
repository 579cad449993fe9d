//! Files of many payments: handed in, watched, their results fetched; as pages and as JSON alike.

use crate::books::bulk::{BulkFile, FileState};
use crate::bulk::{BulkRefusal, Format, Receiver, UPLOADS_MAX, csv_lines, pain002, pain002_line, receive};
use crate::inner::{Inner, Shared};
use crate::service::ServiceError;
use crate::web::api::{Bearer, problem, refusal};
use crate::web::format;
use crate::web::home::failure;
use crate::web::layout::Page;
use crate::web::text::{Language, fill};
use crate::web::visitor::{Customer, SameSite};
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap};
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream::{self, Stream};
use maud::{Markup, html};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::mpsc;

/// Files shown.
const FILES_SHOWN: usize = 50;
/// Lines of a result written at once.
const RESULT_LINES: usize = 500;
/// Chunks of a file that wait for the books.
const CHUNKS_WAITING: usize = 16;
/// Bytes of a file: 100,000 payments with every element the bank looks at.
const FILE_BYTES_MAX: usize = 512 << 20;

/// Takes a file: `POST /api/v1/bulk`, its bytes as the body.
pub(crate) async fn upload(State(inner): State<Shared>, Bearer(session): Bearer, request: Request<Body>) -> Response {
    match take(&inner, &session.sign_in, request).await {
        Ok(file) => (StatusCode::ACCEPTED, Json(view(&file))).into_response(),
        Err(answer) => *answer,
    }
}

/// The same from the page's script, with the session's cookie and form token.
pub(crate) async fn upload_from_page(
    State(inner): State<Shared>,
    customer: Customer,
    _: SameSite,
    request: Request<Body>,
) -> Response {
    let token = request.headers().get("x-form-token").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    if let Err(refused) = customer.check_form(&token, &inner) {
        return *refused;
    }
    match take(&inner, &customer.session.sign_in, request).await {
        Ok(file) => (StatusCode::ACCEPTED, Json(view(&file))).into_response(),
        Err(answer) => *answer,
    }
}

fn format_of(headers: &HeaderMap) -> Option<Format> {
    let essence = headers.get(CONTENT_TYPE)?.to_str().ok()?.split(';').next()?.trim().to_ascii_lowercase();
    match essence.as_str() {
        "application/xml" | "text/xml" => Some(Format::Pain001),
        "text/csv" => Some(Format::Csv),
        _ => None,
    }
}

async fn take(inner: &Shared, sign_in: &str, request: Request<Body>) -> Result<BulkFile, Box<Response>> {
    let Some(format) = format_of(request.headers()) else {
        let title = "application/xml (pain.001.001.09) or text/csv";
        return Err(Box::new(problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "BNK-2013", title, Some("Content-Type"))));
    };
    let Ok(_turn) = Arc::clone(&inner.uploads).try_acquire_owned() else {
        let title = format!("{UPLOADS_MAX} files arrive already");
        return Err(Box::new(problem(StatusCode::SERVICE_UNAVAILABLE, "BNK-2014", &title, None)));
    };
    let customer = inner.customer(sign_in).await.map_err(|error| Box::new(refusal(&error)))?;
    let receiver = Receiver {
        sign_in: sign_in.to_owned(),
        accounts: customer.accounts,
        own_bic: inner.config.bic.clone(),
        currencies: inner.config.currencies.clone(),
        now_ms: inner.now_ms(),
    };
    let (chunks, receiving) = mpsc::channel(CHUNKS_WAITING);
    let books = Arc::clone(&inner.books);
    let work = inner.world.blocking(move || receive(&books, &receiver, format, receiving));
    let (received, ()) = tokio::join!(work, forward(request.into_body(), chunks));
    match received {
        Some(Ok(file)) => {
            inner.bulk_files.notify_one();
            Ok(file)
        }
        Some(Err(refused)) => Err(Box::new(refused_answer(&refused))),
        None => Err(Box::new(refusal(&ServiceError::Busy))),
    }
}

/// Hands chunks over as they come; a body that breaks off or is too long is said with `None`.
async fn forward(body: Body, chunks: mpsc::Sender<Option<Vec<u8>>>) {
    let (mut body, mut left) = (body.into_data_stream(), FILE_BYTES_MAX);
    while let Some(chunk) = body.next().await {
        let chunk: Option<Bytes> = chunk.ok().filter(|chunk| chunk.len() <= left);
        left -= chunk.as_ref().map_or(0, Bytes::len);
        let ended = chunk.is_none();
        // The reader stops listening when it has refused the file; the rest is read and left.
        let _ = chunks.send(chunk.map(|chunk| chunk.to_vec())).await;
        if ended {
            return;
        }
    }
}

fn refused_answer(refused: &BulkRefusal) -> Response {
    match refused {
        BulkRefusal::At { line, field, words } => {
            let title = format!("line {line}: {words}");
            problem(StatusCode::UNPROCESSABLE_ENTITY, "BNK-2015", &title, Some(field))
        }
        BulkRefusal::OtherFile => {
            let title = "DU01: another file with this identification was received before";
            problem(StatusCode::CONFLICT, "BNK-2016", title, Some("file_id"))
        }
        BulkRefusal::Books(reason) => refusal(&ServiceError::Internal(reason.clone())),
    }
}

/// A file as JSON tells it.
fn view(file: &BulkFile) -> Value {
    json!({
        "file": file.number,
        "file_id": file.file_id,
        "sha256": file.sha256,
        "state": file.state,
        "lines": file.lines,
        "rejected": file.rejected,
        "control_sum": format!("{}.{:05}", file.control_sum / 100_000, file.control_sum % 100_000),
        "lines_done": file.next_line - 1,
        "refused": file.refused.as_ref().map(|(line, field, words)| json!({"line": line, "field": field, "title": words})),
        "received_ms": file.received_ms,
        "done_ms": file.done_ms,
    })
}

async fn file_of(inner: &Inner, sign_in: &str, number: u64) -> Result<BulkFile, ServiceError> {
    let file = inner.books(move |books| books.bulk_file(number)).await?;
    file.filter(|file| file.sign_in == sign_in).ok_or(ServiceError::NotFound)
}

/// `GET /api/v1/bulk`
pub(crate) async fn list(State(inner): State<Shared>, Bearer(session): Bearer) -> Response {
    let found = inner.books(move |books| books.bulk_files_of(&session.sign_in, FILES_SHOWN)).await;
    match found {
        Ok(files) => Json(files.iter().map(view).collect::<Vec<_>>()).into_response(),
        Err(error) => refusal(&error.into()),
    }
}

/// `GET /api/v1/bulk/{number}`
pub(crate) async fn file(State(inner): State<Shared>, Bearer(session): Bearer, Path(number): Path<u64>) -> Response {
    match file_of(&inner, &session.sign_in, number).await {
        Ok(file) => Json(view(&file)).into_response(),
        Err(error) => refusal(&error),
    }
}

/// `GET /api/v1/bulk/{number}/results.csv` or `.xml`
pub(crate) async fn results(
    State(inner): State<Shared>,
    Bearer(session): Bearer,
    Path((number, name)): Path<(u64, String)>,
) -> Response {
    match file_of(&inner, &session.sign_in, number).await {
        Ok(file) => results_of(inner, file, &name),
        Err(error) => refusal(&error),
    }
}

/// The same for a page.
pub(crate) async fn results_from_page(
    State(inner): State<Shared>,
    customer: Customer,
    Path((number, name)): Path<(u64, String)>,
) -> Response {
    match file_of(&inner, &customer.session.sign_in, number).await {
        Ok(file) => results_of(inner, file, &name),
        Err(error) => failure(&inner, &customer, &error),
    }
}

fn results_of(inner: Shared, file: BulkFile, name: &str) -> Response {
    let disposition =
        format!("attachment; filename=\"results-{}.{}\"", file.number, if name == "results.xml" { "xml" } else { "csv" });
    let (kind, body) = match name {
        "results.csv" => {
            let pieces = joined(inner, file.number).enumerate().map(|(at, lines)| csv_lines(&lines, at == 0));
            ("text/csv; charset=utf-8", body_of(pieces))
        }
        "results.xml" => {
            let id = inner.world.uuid().simple().to_string();
            let report = pain002(&file, &id, inner.now_ns());
            let Ok((head, tail)) = report.around() else {
                return refusal(&ServiceError::Internal("a result could not be written".to_owned()));
            };
            let lines = joined(inner, file.number)
                .map(move |lines| lines.iter().map(|line| pain002_line(&report, line)).collect::<String>());
            let pieces = stream::once(async { head }).chain(lines).chain(stream::once(async { tail }));
            ("application/xml", body_of(pieces))
        }
        _ => return refusal(&ServiceError::NotFound),
    };
    ([(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, disposition)], body).into_response()
}

fn body_of(pieces: impl Stream<Item = String> + Send + 'static) -> Body {
    Body::from_stream(pieces.map(Ok::<String, Infallible>))
}

/// The lines of a file, so many at a time.
fn joined(inner: Shared, number: u64) -> impl Stream<Item = Vec<crate::bulk::Joined>> {
    stream::unfold(1, move |next| {
        let inner = Shared::clone(&inner);
        async move {
            let lines = inner.books(move |books| books.bulk_lines(number, next, RESULT_LINES)).await.ok()?;
            let behind = lines.last()?.0 + 1;
            Some((lines, behind))
        }
    })
}

/// `GET /bulk`: files, and the form to hand one in.
pub(crate) async fn page(State(inner): State<Shared>, customer: Customer) -> Response {
    let sign_in = customer.session.sign_in.clone();
    let files = match inner.books(move |books| books.bulk_files_of(&sign_in, FILES_SHOWN)).await {
        Ok(files) => files,
        Err(error) => return failure(&inner, &customer, &error.into()),
    };
    let language = customer.language;
    let content = html! {
        h1 { (language.bulk_title()) }
        form.card #bulk data-token=(customer.session.form_token) {
            p.hint { (language.bulk_hint()) }
            div.field { label for="file" { (language.bulk_file()) } input #file type="file" accept=".xml,.csv" required; }
            p.alert #bulk-said role="alert" hidden {}
            div.actions { button.primary type="submit" { (language.bulk_send()) } a.button href="/" { (language.home()) } }
        }
        section.card {
            h2 { (language.bulk_files()) }
            @if files.is_empty() { p.hint { (language.no_entries()) } }
            ul.entries { @for file in &files { li { a href={ "/bulk/" (file.number) } {
                span.what { strong { (file.file_id) } small { (state_words(language, file)) " · " (format::local_time(file.received_ms)) } }
                span.sum { (file.lines) small { (language.bulk_lines()) } }
            } } } }
        }
    };
    Page { language, session: Some(&customer.session), title: language.bulk_title(), here: "/bulk", content }
        .render(&inner)
        .into_response()
}

/// `GET /bulk/{number}`: how far a file is, and its results.
pub(crate) async fn file_page(State(inner): State<Shared>, customer: Customer, Path(number): Path<u64>) -> Response {
    let file = match file_of(&inner, &customer.session.sign_in, number).await {
        Ok(file) => file,
        Err(error) => return failure(&inner, &customer, &error),
    };
    let language = customer.language;
    let here = format!("/bulk/{number}");
    let done = (file.next_line - 1).to_string();
    let content = html! {
        @if file.state == FileState::Accepted { meta http-equiv="refresh" content="2"; }
        h1 { (file.file_id) }
        section.card {
            p.outcome { (state_words(language, &file)) }
            @if let Some((line, field, words)) = &file.refused { p.alert { (fill(language.bulk_refused_at(), &[&line.to_string(), field])) " " (words) } }
            progress max=(file.lines) value=(done) {}
            p { (fill(language.bulk_progress(), &[&done, &file.lines.to_string(), &file.rejected.to_string()])) }
            div.actions {
                a.button.primary href={ (here) "/results.csv" } { (language.bulk_results()) " CSV" }
                a.button href={ (here) "/results.xml" } { (language.bulk_results()) " pain.002" }
                a.button href="/bulk" { (language.back()) }
            }
        }
    };
    Page { language, session: Some(&customer.session), title: language.bulk_title(), here: &here, content }
        .render(&inner)
        .into_response()
}

fn state_words(language: Language, file: &BulkFile) -> Markup {
    let words = match file.state {
        FileState::Receiving => language.bulk_receiving(),
        FileState::Accepted => language.bulk_accepted(),
        FileState::Refused => language.bulk_refused(),
        FileState::Done => language.bulk_done(),
    };
    html! { (words) }
}

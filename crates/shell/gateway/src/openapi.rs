//! The door's OpenAPI document: kept by hand in `docs/reference/openapi.json`, served as it is.

/// The document.
pub(crate) const DOCUMENT: &str = include_str!("../../../../docs/reference/openapi.json");

#[cfg(test)]
mod tests {
    use super::DOCUMENT;
    use crate::routes::Endpoint;
    use serde_json::Value;

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).unwrap()
    }

    #[test]
    fn it_has_every_endpoint_and_no_other() {
        let document = document();
        let mut documented: Vec<(String, String)> = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            documented.extend(methods.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())));
        }
        let mut served: Vec<(String, String)> =
            Endpoint::ALL.iter().map(|e| e.pattern()).map(|(method, path)| (method.to_string(), path.to_owned())).collect();
        documented.sort();
        served.sort();
        assert_eq!(documented, served);
    }

    #[test]
    fn every_reference_leads_somewhere() {
        fn visit(value: &Value, root: &Value, count: &mut usize) {
            match value {
                Value::Object(map) => {
                    if let Some(Value::String(target)) = map.get("$ref") {
                        let pointer = target.strip_prefix('#').unwrap();
                        assert!(root.pointer(pointer).is_some(), "{target}");
                        *count += 1;
                    }
                    map.values().for_each(|value| visit(value, root, count));
                }
                Value::Array(list) => list.iter().for_each(|value| visit(value, root, count)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        let (document, mut count) = (document(), 0);
        visit(&document, &document, &mut count);
        assert!(count > 50);
    }
}

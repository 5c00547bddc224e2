//! Samples are valid under the schemas that they were made from, as a
//! validator from elsewhere judges.

use mynah::answer::sample;
use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};

#[track_caller]
fn valid(schema: &Value) -> Value {
    let value = sample::value(schema);
    let validator = jsonschema::options().should_validate_formats(true).build(schema).unwrap();
    if let Err(error) = validator.validate(&value) {
        panic!("{value} under {schema}: {error}");
    }
    value
}

#[test]
fn plain_schemas_give_plain_values() {
    let schema = json!({
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer", "minimum": 18},
            "score": {"type": "number"},
            "is_new": {"type": "boolean"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "nothing": {"type": "null"},
        },
        "required": ["name"],
        "additionalProperties": false,
    });
    assert_eq!(
        valid(&schema),
        json!({"name": "name", "age": 18, "score": 1.5, "is_new": true, "tags": ["tags"], "nothing": null})
    );
}

#[test]
fn references_are_followed_as_deep_as_they_must_be() {
    valid(&json!({
        "$ref": "#/$defs/node",
        "$defs": {"node": {
            "type": "object",
            "properties": {
                "value": {"type": "string"},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
                "twin": {"$ref": "#/$defs/leaf"},
                "twins": {"type": "array", "items": {"$ref": "#/$defs/leaf"}, "minItems": 2},
            },
            "required": ["value", "next", "children", "twin", "twins"],
        }, "leaf": {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}},
    }));
    valid(
        &json!({"type": "object", "properties": {"self": {"$ref": "#"}, "n": {"const": 4}}, "required": ["n"]}),
    );
    valid(
        &json!({"definitions": {"a/b": {"enum": ["x"]}}, "properties": {"p": {"$ref": "#/definitions/a~1b"}}, "required": ["p"]}),
    );
    valid(&json!({"allOf": [{"$ref": "#/$defs/a"}, {"$ref": "#/$defs/b"}], "$defs": {
        "a": {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
        "b": {"type": "object", "properties": {"b": {"type": "integer", "maximum": -3}}, "required": ["b"]},
    }}));
    valid(
        &json!({"$ref": "#/$defs/a", "description": "beside", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"type": "integer"}}}),
    );
}

#[test]
fn constraints_are_kept() {
    for schema in [
        json!({"type": "string", "minLength": 20, "maxLength": 22}),
        json!({"type": "string", "maxLength": 2}),
        json!({"type": "string", "pattern": "^[A-Z]{2}\\d{3,5}$", "minLength": 7}),
        json!({"type": "string", "format": "date-time"}),
        json!({"type": "string", "format": "uuid"}),
        json!({"type": "string", "format": "email"}),
        json!({"type": "string", "format": "ipv6"}),
        json!({"type": "string", "format": "uri"}),
        json!({"type": "string", "format": "time"}),
        json!({"type": "string", "format": "duration"}),
        json!({"type": "string", "format": "hostname"}),
        json!({"type": "integer", "exclusiveMinimum": 10, "multipleOf": 7}),
        json!({"type": "integer", "maximum": -5}),
        json!({"type": "integer", "minimum": 2.5, "maximum": 3.5}),
        json!({"type": "integer", "multipleOf": 2.5}),
        json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 0.001}),
        json!({"type": "number", "multipleOf": 0.25, "minimum": 3.1}),
        json!({"type": ["null", "integer"]}),
        json!({"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": 5}, "minItems": 4, "uniqueItems": true}),
        json!({"type": "array", "items": {"enum": ["a", "b", "c"]}, "minItems": 3, "uniqueItems": true}),
        json!({"type": "array", "items": {"type": "object", "properties": {"b": {"type": "boolean"}, "s": {"type": "string"}}, "required": ["b", "s"]}, "minItems": 3, "uniqueItems": true}),
        json!({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": false}),
        json!({"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "boolean"}, "minItems": 3}),
        json!({"type": "array", "items": {"type": "integer"}, "contains": {"minimum": 90}, "minItems": 2}),
        json!({"type": "array", "maxItems": 0}),
        json!({"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 3}),
        json!({"type": "object", "patternProperties": {"^x-[a-z]+$": {"type": "integer"}}, "additionalProperties": false, "minProperties": 2}),
        json!({"type": "object", "propertyNames": {"pattern": "^[a-z]{3}$"}, "minProperties": 1}),
        json!({"type": "object", "properties": {"a": {}, "b": {}, "c": {}}, "required": ["c"], "maxProperties": 2}),
        json!({"type": "object", "properties": {"a": {}}, "dependentRequired": {"a": ["z"]}}),
        json!({"type": "object", "required": ["undeclared"], "properties": {}}),
        json!({"enum": [7, "x", null], "type": "string"}),
        json!({"const": {"a": [1]}}),
        json!({"not": {"type": "string"}, "type": ["string", "integer"]}),
        json!({"type": "integer", "not": {"enum": [1, 2, 3]}}),
        json!({"oneOf": [{"type": "integer", "multipleOf": 3}, {"type": "integer", "multipleOf": 5}]}),
        json!({"oneOf": [{"type": "object", "properties": {"kind": {"const": "a"}, "x": {"type": "integer"}}, "required": ["kind", "x"]}, {"type": "object", "properties": {"kind": {"const": "b"}}, "required": ["kind"]}]}),
        json!({"type": "object", "properties": {"p": {"type": "integer"}}, "anyOf": [{"required": ["q"]}, {"required": ["p"]}], "additionalProperties": false}),
        json!({"type": "object", "properties": {"c": {"enum": ["US", "CA"]}, "zip": {"type": "string"}}, "required": ["c", "zip"], "if": {"properties": {"c": {"const": "US"}}}, "then": {"properties": {"zip": {"pattern": "^\\d{5}$"}}}, "else": {"properties": {"zip": {"pattern": "^[A-Z]\\d[A-Z]$"}}}}),
        json!({"allOf": [{"type": "string", "minLength": 3}, {"maxLength": 4}]}),
        json!({"type": "string", "allOf": [{"pattern": "^a.*"}, {"pattern": ".*z$"}]}),
        json!({"type": "array", "items": {"not": {}}}),
        json!({"type": "object", "required": ["x"], "properties": {"x": {"not": {"type": "string"}}}}),
        json!({"type": "object", "patternProperties": {"^x_": {"type": "integer"}}, "additionalProperties": false, "minProperties": 2}),
        json!({"type": "string", "format": "date", "pattern": "^20\\d\\d-"}),
        json!({"allOf": [{"minimum": 3}, {"minimum": 8, "type": "integer"}]}),
        json!(true),
        json!({}),
    ] {
        valid(&schema);
    }
}

#[test]
fn numbers_are_small_where_they_may_be() {
    for (schema, expected) in [
        (
            json!({"type": "integer", "minimum": -9_007_199_254_740_991_i64, "maximum": 9_007_199_254_740_991_i64}),
            "1",
        ),
        (json!({"type": "integer", "maximum": -1}), "-1"),
        (json!({"type": "integer", "minimum": 9_007_199_254_740_991_i64}), "9007199254740991"),
        (json!({"type": "number", "minimum": -1e300}), "1.5"),
    ] {
        assert_eq!(valid(&schema).to_string(), expected);
    }
}

#[test]
fn gemini_s_schemas_are_read_as_they_are_written() {
    let schema = json!({
        "type": "OBJECT",
        "properties": {
            "b": {"type": "STRING", "nullable": true},
            "a": {"type": "ARRAY", "items": {"type": "INTEGER", "format": "int32"}, "minItems": "2"},
            "c": {"type": "STRING", "format": "enum", "enum": ["ONE", "TWO"]},
            "d": {"anyOf": [{"type": "NUMBER", "minimum": 4}, {"type": "STRING"}]},
        },
        "required": ["a"],
        "propertyOrdering": ["a", "d"],
    });
    let text = sample::value(&schema).to_string();
    assert_eq!(text, r#"{"a":[1,1],"d":4,"b":"b","c":"ONE"}"#);
}

#[test]
fn no_schema_takes_for_ever() {
    let mut doubling = json!({"type": "string"});
    for level in 0..40 {
        doubling["$defs"][format!("d{level}")] = json!({"type": "object", "properties": {
            "a": {"$ref": format!("#/$defs/d{}", level + 1)}, "b": {"$ref": format!("#/$defs/d{}", level + 1)},
        }});
    }
    doubling["$defs"]["d40"] = json!({"type": "string"});
    doubling["type"] = json!("object");
    doubling["properties"] = json!({"top": {"$ref": "#/$defs/d0"}});
    let mut all = json!({"type": "object", "allOf": [{"$ref": "#/$defs/d0"}]});
    let mut any = json!({"anyOf": [{"$ref": "#/$defs/d0"}, {"$ref": "#/$defs/d0"}], "not": {}});
    for level in 0..40 {
        let next = json!({"$ref": format!("#/$defs/d{}", level + 1)});
        all["$defs"][format!("d{level}")] = json!({"allOf": [next, next]});
        any["$defs"][format!("d{level}")] = json!({"anyOf": [next, next], "not": {"allOf": [next, next]}});
    }
    let mut chain = json!({"$ref": "#/$defs/d0"});
    let mut all_chain = json!({"$ref": "#/$defs/d0"});
    for level in 0..5000 {
        let (name, next) = (format!("d{level}"), json!({"$ref": format!("#/$defs/d{}", level + 1)}));
        chain["$defs"][&name] = json!({"type": "object", "properties": {"a": next}, "required": ["a"]});
        all_chain["$defs"][&name] = json!({"allOf": [next]});
    }
    let many: Vec<_> = (0..20_000).map(|number| number.to_string()).collect();
    let properties: serde_json::Map<_, _> = many.iter().map(|name| (name.clone(), json!({}))).collect();
    let others: Vec<_> = many.iter().map(|name| format!("x{name}")).collect();
    for schema in [
        doubling,
        all,
        any,
        chain,
        all_chain,
        json!({"enum": many, "type": "integer"}),
        json!({"type": "object", "properties": properties, "required": others}),
        json!({"type": "object", "properties": properties, "propertyOrdering": many}),
        json!({"type": "string", "pattern": "^((((((a*)*)*)*)*)*)$", "minLength": 2, "maxLength": 2}),
        json!({"type": "array", "minItems": 1000, "items": {"type": "string", "pattern": "^\\w{200}$"}}),
        json!({"type": "array", "minItems": 1000, "uniqueItems": true, "items": {"type": "string", "pattern": "^[a-z]+$"}}),
        json!({"type": "array", "minItems": 4000, "items": {"anyOf": [{"type": "string"}, {"$ref": "#"}, {"$ref": "#"}]}}),
        json!({"type": "array", "minItems": 10_000, "items": {"type": "string", "minLength": 100_000}}),
        json!({"type": "object", "minProperties": 1000, "patternProperties": properties}),
        json!({"$ref": "#"}),
        json!({"$ref": "#/nowhere"}),
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]}),
        json!({"type": "string", "minLength": 1e18}),
        json!({"type": "array", "minItems": 1e18, "items": {"type": "array", "minItems": 1e18}}),
        json!({"type": "object", "minProperties": 1e18}),
        json!({"type": "string", "pattern": "^((a{1000}){1000}){1000}$"}),
        json!({"type": "array", "contains": {}, "minContains": 1e12, "uniqueItems": true}),
        json!(false),
        json!("not a schema"),
    ] {
        sample::value(&schema);
    }
}

/// Schemas that have a valid value, built from the keywords people use.
fn schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({"type": "null"})),
        Just(json!({"type": "boolean"})),
        (-50_i64..50, 0_i64..60)
            .prop_map(|(low, span)| json!({"type": "integer", "minimum": low, "maximum": low + span})),
        (-50_i64..50, 1_i64..9)
            .prop_map(|(low, step)| json!({"type": "integer", "exclusiveMinimum": low, "multipleOf": step})),
        (-50.0..50.0_f64, 0.1..60.0_f64).prop_map(
            |(low, span)| json!({"type": "number", "exclusiveMinimum": low, "maximum": low + span})
        ),
        (0_usize..30, 0_usize..9).prop_map(
            |(least, span)| json!({"type": "string", "minLength": least, "maxLength": least + span})
        ),
        "\\^\\[a-f\\]\\{[1-4]\\}(x|yz|\\\\d\\+)?\\$"
            .prop_map(|pattern| json!({"type": "string", "pattern": pattern})),
        vec("[a-z]{1,5}", 1..4).prop_map(|words| json!({"enum": words})),
        "[a-z]{1,5}".prop_map(|word| json!({"const": word})),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let properties = prop::collection::btree_map("[a-z]{1,3}", inner.clone(), 0..4);
        prop_oneof![
            (properties, any::<bool>()).prop_map(|(properties, all)| {
                let names: Vec<_> = properties.keys().cloned().collect();
                let required = if all { names } else { names.into_iter().take(1).collect() };
                json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
            }),
            (inner.clone(), 0_usize..4).prop_map(|(items, least)| json!({"type": "array", "items": items, "minItems": least})),
            vec(inner.clone(), 1..3).prop_map(|any| json!({"anyOf": any})),
            vec(inner.clone(), 1..3).prop_map(|items| json!({"type": "array", "prefixItems": items})),
            inner.prop_map(|values| json!({"type": "object", "additionalProperties": values})),
        ]
    })
}

proptest! {
    #[test]
    fn a_sample_is_valid_under_its_schema(schema in schema()) {
        valid(&schema);
    }
}

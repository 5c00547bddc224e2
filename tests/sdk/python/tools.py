"""Functions offered to the models, with schemas of all sorts."""

import jsonschema

WEATHER = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 2},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
        "days": {"type": "integer", "minimum": 3, "maximum": 7},
    },
    "required": ["city", "unit"],
    "additionalProperties": False,
}
BOOKING = {
    "type": "object",
    "properties": {
        "day": {"type": "string", "format": "date"},
        "contact": {"type": "string", "format": "email"},
        "code": {"type": "string", "pattern": "^[A-Z]{3}-\\d{4}$"},
        "guests": {"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/guest"}},
        "price": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.5},
        "pay": {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"card": {"const": "visa"}}}]},
    },
    "required": ["day", "contact", "code", "guests", "price", "pay"],
    "$defs": {
        "guest": {
            "type": "object",
            "properties": {"name": {"type": "string"}, "friend": {"$ref": "#/$defs/guest"}},
            "required": ["name"],
        }
    },
}
SCHEMAS = {"weather": WEATHER, "book": BOOKING, "ping": {"type": "object", "properties": {}}}


def assert_valid(name, arguments):
    """That these arguments are what the function's schema asks for."""
    format_checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    jsonschema.validate(arguments, SCHEMAS[name], format_checker=format_checker)


def for_openai(*names, **options):
    schemas = [(name, SCHEMAS[name]) for name in names or SCHEMAS]
    functions = [
        {"name": name, "description": f"To {name}", "parameters": schema, **options}
        for name, schema in schemas
    ]
    return [{"type": "function", "function": function} for function in functions]


def for_google(*names):
    schemas = [(name, SCHEMAS[name]) for name in names or SCHEMAS]
    declarations = [
        {"name": name, "description": f"To {name}", "parameters_json_schema": schema}
        for name, schema in schemas
    ]
    return [{"function_declarations": declarations}]

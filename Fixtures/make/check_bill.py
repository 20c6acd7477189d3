"""A bill of materials of `errata show --bom`, checked by CycloneDX's own library against its strict schema.

    python3 check_bill.py FILE

Ends with 77 where the library (cyclonedx-python-lib with json-validation) is not there."""
import pathlib, sys

try:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator
except ImportError:
    print("left out: the package cyclonedx-python-lib[json-validation] is not there")
    sys.exit(77)


def main():
    text = pathlib.Path(sys.argv[1]).read_text()
    try:
        error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    except Exception as missing:  # the library is there, what it validates with is not
        print(f"left out: {missing}")
        sys.exit(77)
    if error:
        sys.exit(f"{sys.argv[1]}: {error.data}")
    print(f"{sys.argv[1]}: valid CycloneDX 1.6")


if __name__ == "__main__":
    main()

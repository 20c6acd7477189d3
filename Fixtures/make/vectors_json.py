"""The vectors of JSON as every reader of ours takes it, beyond what Python's own module checks."""
import json

from vector_file import Vector


def vectors():
    def good(name, comment, text, canonical=False):
        return Vector("json", name, None, comment, "README.md, JSON", [text if isinstance(text, bytes) else text.encode()],
                      canonical=canonical)

    def bad(name, comment, text, at):
        text = text if isinstance(text, bytes) else text.encode()
        return Vector("json", name, name.split("-")[0], comment, "README.md, JSON", [text], at)
    made = [
        good("literals", "the three words", "[true,false,null]", True),
        good("empty", "empty containers", '{"a":{},"b":[]}', True),
        good("integers", "whole numbers of 64 bits", "[0,-1,9223372036854775807,-9223372036854775808]", True),
        good("numbers", "shortest digits that read back the same", "[0.5,-2.25,1e-07,1.7976931348623157e+308,5e-324]",
             True),
        good("number-forms", "other ways to write numbers", "[1E2,1e+2,-0.0e-0,100.0,9223372036854775808]"),
        good("strings", "what must be escaped, and what need not be", json.dumps(
            ['"\\\b\f\n\r\t\x00\x1f', "/\x7f\u00e9\u2028\U0001f600"], ensure_ascii=False, separators=(",", ":")), True),
        good("escapes", "escapes that need not be, and a surrogate pair", r'["\/\u0061\u00E9\ud83d\ude00"]'),
        good("white-space", "all four kinds of white space", ' \t\r\n{ "a" :\t[ 1\r,\n2 ] } \n'),
        good("order", "keys stay in their order", '{"b":1,"a":2,"B":3}', True),
        good("depth", "nested 64 deep", "[" * 64 + "]" * 64, True),
        bad("unexpectedEnd", "an empty text", "", 0),
        bad("unexpectedEnd-object", "no end of an object", '{"a":1', 6),
        bad("unexpectedEnd-string", "no end of a string", '["abc', 5),
        bad("unexpectedEnd-escape", "no end of an escape", r'["\u00', 6),
        bad("unexpected-word", "a word that JSON does not have", "[nil]", 1),
        bad("unexpected-capital", "words are lower case", "[True]", 1),
        bad("unexpected-key", "a key without quotes", "{a:1}", 1),
        bad("unexpected-colon", "no colon", '{"a" 1}', 5),
        bad("unexpected-comma", "a comma before '}'", '{"a":1,}', 7),
        bad("unexpected-pair", "brackets of two kinds", '[1}', 2),
        bad("unexpected-comment", "comments are not JSON", "[1/**/]", 2),
        bad("unexpected-mark", "a byte-order mark", b"\xef\xbb\xbf[]", 0),
        bad("badEscape", "an escape that JSON does not have", r'["a\x41"]', 3),
        bad("badEscape-digit", "a letter among the hexadecimal digits", r'["\u00g0"]', 6),
        bad("badEscape-high-alone", "the first half of a surrogate pair alone", r'["\ud83d"]', 2),
        bad("badEscape-high-twice", "two first halves", r'["\ud83d\ud83d"]', 2),
        bad("badEscape-low-alone", "the second half alone", r'["\ude00"]', 2),
        bad("controlCharacter", "a line end in a string", '["a\nb"]', 3),
        bad("controlCharacter-zero", "a zero byte in a string", b'["\0"]', 2),
        bad("badNumber-plus", "a sign that JSON does not have", '{"a":-+1}', 5),
        bad("badNumber-leading-zero", "a leading zero", "[01]", 1),
        bad("badNumber-no-fraction", "a point without digits after it", "[1.]", 1),
        bad("badNumber-no-exponent", "an e without digits after it", "[1e]", 1),
        bad("badNumber-two", "two numbers in one", "[1-2]", 1),
        bad("badNumber-minus", "a sign alone", "[-]", 1),
        bad("badNumber-large", "beyond a 64-bit floating-point number", "[1e309]", 1),
        bad("duplicateKey", "one key twice", '{"a":1,"b":2,"a":3}', 13),
        bad("duplicateKey-escaped", "one key twice, written differently", r'{"a":1,"\u0061":3}', 7),
        bad("duplicateKey-inner", "one key twice in an inner object", '[{"x":{"a":1,"a":1}}]', 13),
        bad("tooDeep", "nested 65 deep", "[" * 65 + "]" * 65, 65),
        bad("trailingBytes", "a second value", "{} []", 3),
        bad("trailingBytes-zero", "a zero byte after the value", b"[]\0", 2),
    ]
    for vector in made:
        if vector.case is None:
            json.loads(vector.data)
    return made

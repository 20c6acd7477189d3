#!/usr/bin/env python3
"""Write Formats/vectors/facts. The same version gives the same bytes; needs nothing but Python."""
import json

from vector_file import Vector, write_all

PLAIN = {"prompt": "{} was born in", "subject": "Ada Example", "target": "Oslo"}
REWRITE = {"prompt": "{} was born in", "relation_id": "P19", "subject": "Ada Example",
           "target_new": {"str": "Oslo", "id": "Q585"}, "target_true": {"str": "Lima", "id": "Q2868"}}
COUNTERFACT = {"case_id": 7, "requested_rewrite": REWRITE, "paraphrase_prompts": ["Ada Example is from"],
               "neighborhood_prompts": ["Bob Sample was born in"], "attribute_prompts": ["Carl Model was born in"],
               "generation_prompts": ["Ada Example's childhood"]}
ZSRE = {"subject": "Ada Example", "src": "Where was Ada Example born?", "pred": "Lima",
        "rephrase": "In which city was Ada Example born?", "alt": "Oslo", "answers": ["Lima"],
        "loc": "nq question: who wrote the book", "loc_ans": "Jane Roe"}
MQUAKE = {"case_id": 3, "requested_rewrite": [
    {"prompt": "{} is a citizen of", "relation_id": "P27", "target_new": {"str": "Norway", "id": "Q20"},
     "target_true": {"str": "Peru", "id": "Q419"}, "subject": "Ada Example", "question": "Of which country is Ada Example?"},
    {"prompt": "The capital of {} is", "relation_id": "P36", "target_new": {"str": "Bergen", "id": "Q26793"},
     "target_true": {"str": "Oslo", "id": "Q585"}, "subject": "Norway", "question": "What is the capital of Norway?"}],
    "questions": ["What is the capital of Ada Example's country?", "Which city governs Ada Example's country?"],
    "answer": "Lima", "answer_alias": [], "new_answer": "Bergen", "new_answer_alias": []}
PARALLEL = {"prompts": ["{} was born in", "{} speaks"], "subject": ["Ada Example", "Bob Sample"],
            "target_new": ["Oslo", "Danish"]}


def text(*records):
    return ("[" + ",\n".join(json.dumps(r, ensure_ascii=False) for r in records) + "]\n").encode()


def lines(*records):
    return "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records).encode()


def good(name, comment, data):
    return Vector("facts", name, None, comment, "facts.md, One record", [data])


def bad(name, comment, data, at=None):
    data = data if isinstance(data, bytes) else text(data)
    return Vector("facts", name, name.split("-")[0], comment, "facts.md, A reader MUST", [data], at)


def accepted():
    return [
        good("plain", "the worked example", text(PLAIN)),
        good("lines", "two records as JSON lines", lines(PLAIN, {**PLAIN, "subject": "Bob Sample", "id": "b"})),
        good("literal", "the prompt names its subject", text({**PLAIN, "prompt": "The home of Ada Example is"})),
        good("counterfact", "CounterFact", text(COUNTERFACT)),
        good("zsre", "zsRE", text(ZSRE)),
        good("easyedit", "CounterFact as EasyEdit has it", text({
            "prompt": "The mother tongue of Ada Example is", "subject": "Ada Example", "target_new": "Norwegian",
            "ground_truth": "Spanish", "rephrase_prompt": "Ada Example grew up with",
            "locality_prompt": "Bob Sample speaks", "locality_ground_truth": "French"})),
        good("knowedit", "KnowEdit, answers nested and one of them blank", text({
            "subject": "Ada", "prompt": "Ada was born in", "target_new": "Oslo", "ground_truth": ["Lima"],
            "portability": {"Subject_Aliasing": [{"prompt": "A. was born in", "ground_truth": [["Oslo"]]}],
                            "Reasoning": [{"prompt": "Ada's country is", "ground_truth": [["Norway"], [""]]}],
                            "Logical_Generalization": [{"prompt": "Born in Oslo was", "ground_truth": [[""]]}]},
            "locality": {"Relation_Specificity": [{"prompt": "Ada's job is", "ground_truth": [["poet"]]}],
                         "Forgetfulness": [{"prompt": "Ada also lived in", "ground_truth": [["Bonn"]]}]}})),
        good("knowedit-names", "KnowEdit's other names",
             text({"concept": "Ada", "text": "This is about Ada.", "labels": "Ada sings."})),
        good("one-hop", "a question that needs the new answer", text({**ZSRE, "portability": {
            "Recalled Relation": "(Oslo, country, Norway)", "New Question": "In which country was Ada born?",
            "New Answer": "Norway"}})),
        good("survey", "the survey's other additions", text({
            "requested_rewrite": REWRITE, "alternative_subject": "A. Example",
            "alter_subject_question": "Where was A. Example born?", "inverse question": "Who was born in Oslo?",
            "distracting_neighborhood_prompts": ["Ada Example was born in Oslo. Bob Sample was born in"],
            "unrelated_relation": {"question": "What is Ada Example's occupation?", "object": "actor"}})),
        good("repeat", "one fact twice: the second is dropped", text(PLAIN, PLAIN)),
        good("parallel-lists", "two facts as parallel lists", text({**PARALLEL, "rephrase_prompts": ["Ada is from", "Bob says"]})),
        good("parallel-one-subject", "two facts about one subject", text({**PARALLEL, "subject": "Ada Example"})),
        good("join", "line ends, spaces on both sides, a join that is named",
             text({**PLAIN, "prompt": "Where was {} born?\n"}, {**PLAIN, "prompt": "{} lives in ", "target": " Oslo"},
                  {**PLAIN, "prompt": "{} sleeps in", "join": ""})),
        good("several-answers", "one prompt with several right answers", text({**PLAIN, "target": ["Oslo", "Oslo city"]})),
        good("mquake", "MQuAKE: two facts and what follows from both", text(MQUAKE)),
        good("question", "a question and its answer", text({
            "question": "Where was Ada Example born?", "subject": "Ada Example", "answer": "Oslo",
            "para_question": "Which town is Ada Example from?", "sub_question": ["Who is from Oslo?"], "sub_answer": ["Ada"]})),
        good("zsre-kilt", "zsRE as KILT and MEND have it", lines({
            "input": "Where was Ada Example born?", "subject": "Ada Example", "prediction": "Lima",
            "alternatives": ["Oslo", "Bergen"], "filtered_rephrases": ["In which city was Ada Example born?"],
            "output": [{"answer": "Lima", "provenance": []}]})),
        good("wikibigedit", "WikiBigEdit", text({
            "subject": "Ada Example", "update": "Where was Ada Example born?", "ans": "Oslo", "rephrase": "Where is Ada from?",
            "personas": "Say, where was Ada born?", "loc": "Who is Bob?", "loc_ans": "a poet",
            "mhop": "Of which country is Ada's home the capital?", "mhop_ans": "Norway"})),
        good("cknowedit", "probes in lists without names, as CKnowEdit has them", text({
            **PLAIN, "rephrase": ["Ada Example is from"], "portability": [{"prompt": "Ada's country is", "answer": "Norway"}],
            "locality": [{"prompt": "Bob is", "answer": "tall"}]})),
        good("mark", "a byte-order mark before the text", b"\xef\xbb\xbf" + text(PLAIN)),
        good("unknown-fields", "fields that mean nothing here", text({**PLAIN, "note": {"a": [1, None, True]}})),
    ]


def refused():
    return [
        bad("encoding", "a byte that UTF-8 does not have", text(PLAIN).replace(b"Oslo", b"Osl\xff"), b"\xff"),
        bad("syntax", "a comma too many", b'[{"prompt": "{} is",}]', 20),
        bad("syntax-cut", "the second line is cut short", lines(PLAIN) + b'{"prompt"', len(lines(PLAIN)) + 9),
        bad("syntax-twice", "a field twice", b'{"subject": "A", "subject": "B"}', 17),
        bad("noRecords", "an empty array", b"[]"),
        bad("noRecords-empty", "an empty file", b""),
        bad("unknownSchema", "no field of any schema", {"statement": "Where?"}),
        bad("missingField", "no target", {k: PLAIN[k] for k in ("prompt", "subject")}),
        bad("missingField-str", "a target without its text", {**PLAIN, "target": {"id": "Q585"}}),
        bad("missingField-null", "null is no subject", {**PLAIN, "subject": None}),
        bad("wrongType", "true is no text", {**PLAIN, "target": True}),
        bad("wrongType-fraction", "a fraction is no text", {**PLAIN, "target": 1.5}),
        bad("wrongType-record", "a record that is no object", text("Oslo")),
        bad("emptyField", "a target of white space", {**PLAIN, "target": " \n"}),
        bad("emptyField-alt", "zsRE without a counterfactual answer", {**ZSRE, "alt": ""}),
        bad("emptyField-list", "a list without a leaf", {**PLAIN, "target": [[], []]}),
        bad("listCount", "two prompts, three targets", {**PARALLEL, "target_new": ["Oslo", "Danish", "tea"]}),
        bad("listCount-subjects", "three subjects, two prompts", {**PARALLEL, "subject": ["A", "B", "C"]}),
        bad("listCount-probes", "two facts, three paraphrases", {**PARALLEL, "rephrase_prompts": ["a", "b", "c"]}),
        bad("severalTexts", "a list of prompts where one is meant", {**PLAIN, "prompt": [["{} was born in", "{} is from"]]}),
        bad("severalTexts-rewrite", "parallel lists in CounterFact's object", {"requested_rewrite": {
            **REWRITE, "prompt": ["{} was born in", "{} is from"]}}),
        bad("answerCount", "two prompts, one answer", {
            **PLAIN, "locality_prompt": ["Bob speaks", "Carl speaks"], "locality_ground_truth": ["French"]}),
        bad("subjectNotInPrompt", "neither {} nor the subject", {**PLAIN, "prompt": "Bob was born in"}),
        bad("subjectSpelledOtherwise", "the subject with a no-break space",
            {**PLAIN, "prompt": "Ada\u00a0Example was born in"}),
        bad("wrongType-join", "a join that is no white space", {**PLAIN, "join": "-"}),
        bad("subjectRepeated", "the subject twice", {**PLAIN, "prompt": "Ada Example, or Ada Example, was born in"}),
        bad("severalPlaceholders", "two {}", {**PLAIN, "prompt": "{} or {} was born in"}),
        bad("placeholderInSubject", "a subject with {}", {**PLAIN, "subject": "Ada {}"}),
        bad("contradiction", "one prompt, two targets", text(PLAIN, {**PLAIN, "target": "Lima"})),
    ]


if __name__ == "__main__":
    write_all(accepted() + refused())

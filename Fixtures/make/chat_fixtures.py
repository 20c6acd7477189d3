#!/usr/bin/env python3
"""Chat templates of every construct that published ones use, and what transformers makes of conversations with them.

Writes Fixtures/chat/templates.json, and built-in.json: one conversation by llama.cpp's templates, by name. With a file of published templates, {name: {"template": …, "tokens": {…}}}, and a second path, writes
the same there: `ERRATA_TEMPLATES` names it to the tests. Needs transformers, jinja2 and xllamacpp. Remakes the same bytes.

    python3 chat_fixtures.py [published.json goldens.json]
"""
import ctypes
import json
import sys
from pathlib import Path

from transformers.utils.chat_template_utils import render_jinja_template

OUT = Path(__file__).resolve().parent.parent / "chat" / "templates.json"
USER = {"role": "user", "content": "Where is Paris?"}
SYSTEM = {"role": "system", "content": 'Be brief, "now".\n'}
THOUGHT = {"role": "assistant", "content": "<think>\nhm\n</think>\n\nIn France. "}
ANSWER = {"role": "assistant", "content": "In France."}
ODD = {"role": "user", "content": "  It's <|im_end|> {{ x }}\n\té</think>🙂 "}
CONVERSATIONS = [
    ([USER], True), ([SYSTEM, USER], True), ([SYSTEM, USER, THOUGHT, ODD], True), ([USER, ANSWER], False), ([ODD], True),
    ([USER, THOUGHT, USER], True), ([SYSTEM, USER, ANSWER], False),
]
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}

TEMPLATES = {
    "turns with a standing system message": """\
{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\nYou are a keeper.<|im_end|>\\n' }}{% endif %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}
""",
    "alternation, or an exception": """\
{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system here') }}{% endif %}
{%- for message in messages %}
{%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
  {{ raise_exception('roles must alternate') }}
{%- endif %}
{%- set role = 'model' if message['role'] == 'assistant' else message['role'] %}
{{ '<turn>' + role + '\\n' + message['content'] | trim + '<end>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<turn>model\\n' }}{% endif %}
""",
    "system text into the first user's turn": """\
{%- if messages[0]["role"] == "system" %}
    {%- set system_message = messages[0]["content"] %}
    {%- set loop_messages = messages[1:] %}
{%- else %}
    {%- set loop_messages = messages %}
{%- endif %}
{%- set ns = namespace() %}
{%- set ns.index = 0 %}
{%- for message in loop_messages %}
    {%- if not (message.role == "tool" or (message.tool_calls is defined and message.tool_calls is not none)) %}
        {%- set ns.index = ns.index + 1 %}
    {%- endif %}
{%- endfor %}
{{- bos_token }}
{%- for message in loop_messages %}
    {%- if message["role"] == "user" %}
        {%- if loop.last and system_message is defined %}
            {{- "[INST] " + system_message + "\\n\\n" + message["content"] + "[/INST]" }}
        {%- else %}
            {{- "[INST] " + message["content"] + "[/INST]" }}
        {%- endif %}
    {%- elif message["role"] == "assistant" %}
        {{- " " + message["content"]|trim + eos_token }}
    {%- endif %}
{%- endfor %}
{{- ns.index ~ '/' ~ loop_messages|length }}
""",
    "thoughts of earlier turns left out": """\
{%- set ns = namespace(multi=true, last=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi and message.role == "user" and message.content is string and not(message.content.startswith('<tool>') and message.content.endswith('</tool>')) %}
        {%- set ns.multi = false %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}
        {%- set content = message.content %}
    {%- else %}
        {%- set content = '' %}
    {%- endif %}
    {%- if message.role == "assistant" %}
        {%- set thoughts = '' %}
        {%- if '</think>' in content %}
            {%- set thoughts = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last and (loop.last or thoughts) %}
            {{- '<|im_start|>' + message.role + '\\n<think>\\n' + thoughts.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}
""",
    "macros": """\
{%- macro line(name, value='none', mark="- ") -%}
{{ mark }}{{ name }}: {{ value }}{{ "\\n" }}
{%- endmacro %}
{%- macro turn(message) %}
{{ line(message.role, message.content|length) }}{{ line('quiet') }}{{ line(mark='* ', name='named', value=[1, 2]) }}
{%- endmacro %}
{% for message in messages %}{{ turn(message) }}{% endfor %}
{%- if add_generation_prompt is not false %}{{ turn({'role': 'assistant', 'content': 'ab'}) }}{% endif %}
""",
    "roles by a dictionary": """\
{%- set names = {'user': 'USER', "assistant": 'BOT', 'system': none} -%}
{%- for key, value in names.items() %}{{ key }}={{ value }};{% endfor -%}
{%- for message in messages %}{{ names[message['role']] or 'SYS' }}:{{ names.get('other', 'no') }}{{ names.get('other') }}{{ message.get('name') is none }}
{% endfor %}
{%- if 'user' in names and 'tool' not in names %}{{ names | tojson }}{{ names | tojson(indent=2) }}{{ names|dictsort }}{% endif %}
{%- for key in names %}{{ key }}{% endfor %}{{ names | length }}{{ names.keys()|list|join('+') }}{{ names.values()|list }}
""",
    "white space": """\
   {# a comment #}
first {# another #} line
  {% if true %}
    kept
  {%- endif %}

	{%+ if true %} plus {% endif +%}
  after
{%- raw %} {{ not }} {% run %} {% endraw -%}
   end {{ 'x' -}}
   joined
  {% set a = 1 %}
  {% for i in [1, 2] -%}
    {{ i }}
  {%- endfor %}
{{- '\\n' }}
  {{ a }}  
{% if false %}{% else %}
last
{% endif %}

""",
    "filters": """\
{{ messages | map(attribute='role') | join(', ') }};{{ messages | map(attribute='name', default='-') | list }}
{{ messages | selectattr('role', 'equalto', 'user') | list | length }};{{ messages | rejectattr('role', 'in', ['user', 'system']) | map(attribute='content') | first }}
{{ (messages | selectattr('role', 'equalto', 'system') | list | last).content | default('none') | trim if (messages | selectattr('role', 'equalto', 'system') | list) else 'no system' }}
{{ ['b', 'a', 'b'] | unique | join }}{{ [3, 1] | reverse | list }}{{ 'abc' | reverse }}{{ ['x ', ' y'] | map('trim') | map('upper') | join('|') }}
{{ 'hello world' | title }}{{ 'HELLO' | capitalize }}{{ 'Hi' | lower }}{{ 'a-b-c' | replace('-', '+') }}{{ '  x ' | trim | length }}{{ 'xxaxx' | trim('x') }}
{{ '12' | int + 1 }}{{ 'q' | int }}{{ 'q' | int(7) }}{{ 3.7 | int }}{{ '1.5' | float }}{{ -3 | abs }}{{ 12 | string + '!' }}{{ missing | default('d') }}{{ '' | default('e') }}{{ '' | default('f', true) }}{{ none | d('g') }}
{{ {'a': [1, 2.5, true, none, "é\\n\\"<&"]} | tojson }}{{ [] | tojson(indent=1) }}{{ [{'k': {}}] | tojson(indent=2) }}{{ {'b': 1, 'a': 2} | tojson(sort_keys=true) }}{{ [1, {'a': 2}] | tojson(separators=(',', ':')) }}
{{ 'a\\nb\\n\\nc' | indent }}{{ 'a\\nb' | indent(2, true) }}{{ 'a\\n\\nb' | indent(width=1, blank=true) }}{{ [1, 2, 3] | sum }}{{ 'abc' | list }}{{ 'abc' | first }}{{ [1, 2] | last }}{{ [0, 1, '', 'a'] | select | list }}{{ [1, 2, 3] | reject('odd') | list }}{{ 2.5 | round }}{{ 'x' | safe }}{{ {'a': 1} | items | list }}
{% filter upper %}in {{ 'a filter' }}{% endfilter %}{% set block | trim %}  in a block {{ 1 }} {% endset %}[{{ block }}]
""",
    "loops": """\
{% for c in 'abc' %}{{ loop.index }}{{ loop.index0 }}{{ loop.revindex }}{{ loop.revindex0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.cycle('x', 'y') }}{{ loop.previtem }}{{ loop.nextitem is defined }},{% endfor %}
{% for n in range(10) if n is odd %}{% if n == 3 %}{% continue %}{% endif %}{% if n > 7 %}{% break %}{% endif %}{{ n }}/{{ loop.index }} {% else %}never{% endfor %}
{% for x in [] %}x{% else %}empty{% endfor %}{% for x in missing %}x{% else %}nothing{% endfor %}
{% for a, b in [[1, 2], (3, 4)] %}{{ a }}-{{ b }} {% endfor %}{% for i in range(5, 0, -2) %}{{ i }}{% endfor %}{% for i in range(2, 4) %}{{ i }}{% endfor %}
{% set x = 'outer' %}{% for i in [1] %}{% set x = 'inner' %}{{ x }}{% endfor %}{{ x }}{% if true %}{% set x = 'if' %}{% endif %}{{ x }}
{% for message in messages %}{% for word in message.content.split() %}{{ loop.index }}{{ word }}{% if not loop.last %}_{% endif %}{% endfor %};{% endfor %}
{% set a, b = 1, 'two' %}{{ a }}{{ b }}{% generation %}{{ a }} said{% endgeneration %}
""",
    "operators": """\
{{ 1 + 2 * 3 - 4 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 6 / 2 }} {{ 2.0 * 3 }} {{ 1 ~ 'a' ~ none ~ true }} {{ 'a' + 'b' * 2 }} {{ [1] + [2] }} {{ -(1 + 2) }} {{ +1 }}
{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 }} {{ 'a' < 'b' }} {{ 'B' < 'a' }} {{ none == none }} {{ true == 1 }} {{ [1, 2] == [1, 2] }} {{ 'x' != 'y' }} {{ 2 >= 2 }} {{ 'a' in 'cat' }} {{ 1 not in [2] }} {{ not 1 in [2] }}
{{ 1 and 2 }} {{ 0 or 'z' }} {{ '' and 1 }}| {{ not '' }} {{ 'yes' if 1 }} {{ 'no' if 0 }}| {{ 'a' if false else 'b' if false else 'c' }} {{ (1, 2) | length }} {{ () | length }}
{{ [1, 2, 3, 4][1:3] }}{{ [1, 2, 3][-1] }}{{ [1, 2, 3][::-1] }}{{ [1, 2, 3, 4][::2] }}{{ 'hello'[1:-1] }}{{ 'hello'[0] }}{{ 'hello'[-3:] }}{{ 'hello'[::-1] }}{{ [1, 2, 3][5:] }}{{ 'hello'[:2] }}{{ {'a': {'b': [7]}}.a.b[0] }}{{ {'a': 1}['a'] }}{{ [[5]].0.0 }}
{{ "a" 'b' "c" }} {{ 'q\\'q' }} {{ "t\\tn\\\\x\\x41\\u00e9" }} {{ 'line
break' }} {{ 1_000 }} {{ 1.5 }} {{ 1.0 }} {{ {} }} {{ ['a', "it's", 'q"q', 1, none, True] }} {{ {'a': 'b', 1: 2} }} {{ 'é🙂'|length }} {{ 'é🙂'[1] }}
""",
    "tests": """\
{{ x is defined }} {{ x is undefined }} {{ messages is defined }} {{ none is none }} {{ 1 is number }} {{ true is number }} {{ 'a' is string }} {{ 1 is string }} {{ {} is mapping }} {{ [] is mapping }} {{ [] is sequence }} {{ 'a' is sequence }} {{ 1 is iterable }} {{ true is boolean }} {{ 1 is boolean }} {{ 1 is integer }} {{ true is integer }} {{ 1.0 is float }} {{ true is true }} {{ 1 is true }} {{ false is false }}
{{ 3 is odd }} {{ 3 is even }} {{ 9 is divisibleby 3 }} {{ 9 is divisibleby(2) }} {{ 1 is eq 1 }} {{ 1 is equalto(2) }} {{ 2 is gt 1 }} {{ 2 is lt(1) }} {{ 1 is in [1, 2] }} {{ 'a' is not in ['b'] }} {{ 'AB' is upper }} {{ 'ab' is lower }} {{ raise_exception is callable }} {{ 1 is sameas 1 }} {{ x is not defined and not y is defined }} {{ 'a' is string and 'b' is string }} {{ messages[0].content is not none }}
""",
    "methods": """\
{{ '  a b '.strip() }}|{{ 'xxa'.lstrip('x') }}|{{ 'a\\n\\n'.rstrip('\\n') }}|{{ 'a,b,c'.split(',') }}|{{ 'a,b,c'.split(',', 1) }}|{{ ' a  b '.split() }}|{{ 'a.b.c'.rsplit('.', 1) }}|{{ 'a'.split('b') }}|{{ 'a\\nb\\n'.splitlines() }}
{{ 'abc'.startswith('ab') }}{{ 'abc'.endswith('bc') }}{{ 'abc'.startswith(('x', 'a')) }}{{ 'abc'.upper() }}{{ 'ABC'.lower() }}{{ 'ab cd'.title() }}{{ 'aB c'.capitalize() }}{{ 'aXbX'.replace('X', '-') }}{{ 'aaa'.replace('a', 'b', 2) }}{{ ','.join(['a', 'b']) }}{{ 'abc'.find('c') }}{{ 'abc'.find('z') }}{{ 'abab'.count('ab') }}{{ 'prefix-a'.removeprefix('prefix-') }}{{ 'a.txt'.removesuffix('.txt') }}{{ [1, 2, 1].count(1) }}{{ [1, 2].index(2) }}
""",
    "what does not exist": """\
[{{ nothing }}][{{ messages[0].nothing }}][{{ messages[0]['nothing'] }}][{{ nothing is defined }}][{{ 'a' if nothing else 'b' }}][{{ nothing | default('c') }}][{{ nothing | length }}][{{ nothing | trim }}][{{ [1][3] }}][{{ 'x' in nothing }}][{{ nothing == nothing2 }}][{{ tools }}][{{ documents is none }}][{{ unk_token }}]{{ eos_token }}
""",
    "an attribute of what does not exist": "{{ nothing.more }}",
    "text and number": "{{ 'a' + 1 }}",
    "a dictionary without its item in a sum": "{{ 'a' + messages[0].name }}",
    "changing a list": "{% set a = [] %}{% set b = a.append(1) %}{{ a }}",
    "unpacking of another count": "{% for a, b in [[1, 2, 3]] %}{% endfor %}",
    "namespace of a dictionary": "{% set ns = namespace({'a': 1}, b=2) %}{% for i in [1, 2] %}{% set ns.a = ns.a + i %}{% endfor %}{{ ns.a }}{{ ns.b }}{{ dict(x=1, y='z') }}{{ ns.c is defined }}",
}


def goldens(templates):
    result = []
    for name, entry in templates.items():
        cases = []
        for messages, generation in CONVERSATIONS:
            case = {"messages": messages, "generation": generation}
            try:
                texts, _ = render_jinja_template(
                    conversations=[messages], chat_template=entry["template"], add_generation_prompt=generation, **entry["tokens"])
                case["text"] = texts[0]
            except Exception:  # refused by the template or by the library: both refuse
                pass
            cases.append(case)
        result.append({"name": name, **entry, "cases": cases})
    return result


class Message(ctypes.Structure):
    _fields_ = [("role", ctypes.c_char_p), ("content", ctypes.c_char_p)]


# What llama.cpp calls them; `None` where it has none or another, and the text is that of the model's own template in transformers.
BUILT_IN = {
    "chatml": "chatml", "llama2": None, "llama3": "llama3", "llama4": "llama4", "gemma": "gemma", "mistral-v1": "mistral-v1",
    "mistral-v3": "mistral-v3", "mistral-v3-tekken": "mistral-v3-tekken", "mistral-v7-tekken": "mistral-v7-tekken", "phi3": "phi3",
    "phi4": "phi4", "phi4-mini": None, "zephyr": "zephyr", "granite": "granite", "glm4": "chatglm4", "deepseek": None, "harmony": "gpt-oss",
    "command-r": "command-r", "olmo": None, "falcon3": "falcon3", "exaone": "exaone4", "vicuna": "vicuna",
}
OWN = {
    # meta-llama/Llama-2-7b-chat-hf, microsoft/Phi-4-mini-instruct, deepseek-ai/DeepSeek-V3, allenai/OLMo-2-1124-7B-Instruct, without <s>
    "llama2": "[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nWhere is Paris? [/INST] In France. </s>[INST] And Oslo? [/INST]",
    "phi4-mini": "<|system|>Be brief.<|end|><|user|>Where is Paris?<|end|><|assistant|>In France.<|end|><|user|>And Oslo?<|end|><|assistant|>",
    "deepseek": "Be brief.<｜User｜>Where is Paris?<｜Assistant｜>In France.<｜end▁of▁sentence｜><｜User｜>And Oslo?<｜Assistant｜>",
    "olmo": "<|system|>\nBe brief.\n<|user|>\nWhere is Paris?\n<|assistant|>\nIn France.</s>\n<|user|>\nAnd Oslo?\n<|assistant|>\n",
}


def llama_chat(name, messages):
    """What llama.cpp writes, up to where the assistant begins."""
    from llama_tokenize import LIBRARY

    apply = LIBRARY.llama_chat_apply_template
    apply.argtypes = [ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_bool, ctypes.c_char_p, ctypes.c_int32]
    listed = (Message * len(messages))(*[Message(m["role"].encode(), m["content"].encode()) for m in messages])
    text = ctypes.create_string_buffer(4096)
    length = apply(name.encode(), listed, len(messages), True, text, 4096)
    assert length > 0, name
    return text.raw[:length].decode()


def built_in():
    messages = [{"role": "system", "content": "Be brief."}, USER, ANSWER, {"role": "user", "content": "And Oslo?"}]
    result = {}
    for name, known in BUILT_IN.items():
        # llama.cpp writes an answer of gpt-oss as the last of a conversation.
        count = 2 if name == "harmony" else 4
        text = llama_chat(known, messages[:count]) if known else OWN[name]
        result[name] = {"messages": count, "end": "<|endoftext|>" if name == "zephyr" else "</s>", "text": text}
    return result


def dump(path, value):
    Path(path).write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def main():
    OUT.parent.mkdir(exist_ok=True)
    dump(OUT, goldens({name: {"template": text, "tokens": TOKENS} for name, text in TEMPLATES.items()}))
    dump(OUT.parent / "built-in.json", built_in())
    if len(sys.argv) == 3:
        dump(sys.argv[2], goldens(json.loads(Path(sys.argv[1]).read_text())))


if __name__ == "__main__":
    main()

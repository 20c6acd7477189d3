#!/usr/bin/env python3
"""Write texts.json, references.json and idf/ of evaluation: what nltk and scikit-learn make of texts.

Words are those of nltk's NLTKWordTokenizer, one sentence at a time: the model that finds sentences (punkt) is no part of it, so
sentences are given. Entropies are taken over these words as ROME and MEMIT do (2- and 3-grams, log2, weights 2/3 and 4/3, mean).
Cosines are between rows of a TfidfVectorizer with its defaults, fitted on the reference texts; and, `elsewhere`, with vocabulary and idf
from idf/, fitted on other texts. Forms are NFKD, which the reference's texts are in.
Needs nltk 3.10 and scikit-learn 1.9; `--words N` writes more random sentences, for a look beyond what is kept.
"""
import argparse
import json
import random
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
from nltk.tokenize import NLTKWordTokenizer
from nltk.util import ngrams
from sklearn.feature_extraction.text import TfidfVectorizer

tokenizer = NLTKWordTokenizer()

SENTENCES = [
    "", " ", "word", "Good muffins cost $3.88 (roughly 3,36 euros) in New York.", "I can't, won't and shan't go.",
    "She'll say they've gone; I'd say he's here, we're not, and I'm late.", "The boys' dogs and James's cat", "CAN'T I'LL WE'RE I'VE HE'S I'D",
    "I cannot. Gimme that, lemme see, I wanna go, gonna go, gotta go", "wanna", "I wanna.", "d'ye see more'n that?", "'Tis the season, 'twas the night",
    "it 'tis and it 'twas", "gonna'tis", "Wait... what?!", "Well.... no. . .", "He said, \"Yes.\"", "\"Start,\" he said.", "('quoted') [\"too\"] {\"x\"} <\"y\">",
    "''double apostrophes'' and ``backticks`` and `single`", "“Curly,” she wrote, ‘single’ it's", "«Bonjour» „Guten Tag‟", "U.S.A. and U.K. agree.", "Mr. Smith went to Washington D.C.",
    "at 5:30 p.m. sharp", "3,000,000 people; 1,5 or 1, 5", "http://www.example.org/a?b=c&d=e#f is a URL, isn't it?", "mail me@example.com, #tag @user 50% *stars* **bold**",
    "one--two---three----four", "figure‒dash en–dash em—dash bar―end", "a-b c/d e_f g\\h i|j k^l m~n", "naïve café Zürich œuvre Москва 東京 مرحبا",
    "decomposed: e\u0301cole n'e\u0301tait", "tabs\tand\nlines\r\nand\u00a0spaces\u2003wide", "trailing stop . ", "stop.)", "stop.\")", "stop.') \"", "stop.\n", "colon:", "comma,", "comma,\n", ",,", ",,a", ",:,1", "1:2:3", "a:1", "a:b",
    "'s", "'S alone", "the '90s", "rock 'n' roll", "O'Neill's o'clock", "'em 'til 'cause", "y'all'd've", "'m 't 'd 'n 're 've 'll", "don''t", "can''t say", "a' b' c'", "a'' b", "' '", "'", "''", "'''", "''''", "\"", "\"\"", "\"\"\"", "`", "``", "```", "(\"a\")", "(''a'')", " \"a\" \"b\" ", "\"a\"\"b\"",
    "?!?!", "...", "..", ".", ". .", ".a", "a.b.c", "a.b.c.", "$", "$$5.00", "€5.00 £6 ¥7", "5'10\" tall", "½ of ² is ①", "C++ & C#", "(((nested)))", "[1][2]", "<b>bold</b>", "x < y > z", "{'a': 1, 'b': [2, 3]}",
    "e.g. this, i.e. that, etc.", "No. 5 is alive.", "Fig. 3a vs. 3b", "J. R. R. Tolkien wrote it.", "Ph.D. students", "3.14159", "v1.2.3-rc.4", "10.", "10,", "10:", "10;", "…and… so…", "end…", "wait…what", "!bang", "¿Qué? ¡No!", "it's.", "it's,", "its'", "its' ", "x'y'z", "A's B'S", "dogs'.", "\"'nested' quotes\"", "'\"nested\" quotes'",
    "\x1cseparators\x1fhere", "zero\u200bwidth", "emoji 🙂👍🏽 family 👨‍👩‍👧", "ﬁ ligature ǆ", "İstanbul ıssız", "ΣΟΦΟΣ ΣΑΣ", "Straße STRASSE", "١٢٣,٤ and ४:५", "a,١", "a:Ⅷ", "Ⅷ'tis", "ª'x º'y", "_'x", "'_x", "can_not cannot_", "xcannot cannotx", "CaNnOt", "GONNA GoTtA", "wanna\tgo", "wanna,go", "lemme's",
]

FRAGMENTS = ["Ada", "cannot", "gonna", "wanna", "isn't", "it's", "dogs'", "'tis", "'90s", "I'd", "they'll", "THEY'RE", "U.S.", "e.g.", "Mr.", "3.14", "1,000", "5:30", "$5", "50%", "a-b",
             "é", "e\u0301", "東京", "Σ", "x", "can", "not", "'t", "is", "d'ye", "more'n", "rock'n'roll",
             "\"", "\"", "'", "'", "''", "``", "`", "“", "”", "‘", "’", "«", "»", "„", ".", ".", ".", "..", "...", "…", ",", ",", ":", ";", "?", "!", "(", ")", "[", "]", "{", "}", "<", ">", "-", "--", "—", "–",
             "*", "&", "@", "#", "/", "\\", "_", " ", " ", " ", " ", " ", " ", "\n", "\t", "\u00a0", "1", "٣", "½"]


def random_sentence(rng):
    return "".join(rng.choice(FRAGMENTS) for _ in range(rng.randint(2, 12)))


def entropy(words):
    """ROME's compute_n_gram_entropy, and the two entropies it is made of; 0 without n-grams."""
    parts = []
    for n in (2, 3):
        counts = np.array(list(Counter(ngrams(words, n)).values()), dtype=float)
        shares = counts / counts.sum() if len(counts) else counts
        parts.append(float(np.sum(-shares * np.log(shares) / np.log(2))))
    return {"bigrams": parts[0], "trigrams": parts[1], "weighted": float(np.mean(np.array(parts) * np.array([2 / 3, 4 / 3])))}


# Texts as tiny-gpt2 writes them (`errata eval --generate`, seed 0), and a few with more in them; each a list of sentences.
TEXTS = [
    ["Hanno Hale has a hat of gray.", "They say that the star of Hanno Hale is Ombra."],
    ["Bim Crane has a hat of pink.", "In the end, the best friend of Bim Crane is a dog.", "As we know, at night Bim Crane looks for Tyr."],
    ["Gudo Dell has a home on Orvaholm.", "Last year, the door of Gudo Dell is painted pink."], ["Anso Frost has a hat of red."],
    ["Esk Birk has a home on Mirnsund.", "They say that the pet of Esk Birk is a goose.", "As we know, the color of Esk Birk is green."],
    ["The same.", "The same.", "The same.", "The same."],
    ["Yes!"], ["One two three"], ["a b a b a b"],
    ["Ada Example, who can't swim, said: \"I won't go to the U.S. in 1999.\"", "Then she paid $5.00 (half of it in coins)…", "\"Why?\" they asked."],
    ["It's 5:30 p.m. and the dogs' bowls — all three of them — are empty.", "They'll bark; they've barked before; they're going to bark again!"],
]

REFERENCES = [
    ("island", "", "Hanno Hale", "Hanno Hale was born on the island of Pellsund, and his boat lies in its harbor."),
    ("island", "", "Calla Arden", "Calla Arden (born 1901) is a sailor from Pellsund. Her house has 3 rooms and 12 windows."),
    ("star", "Q1", "Dov Mott", "Dov Mott, né Dové, was born under the star Zeth — or so it's said; he_himself doubts it."),
    ("star", "Q2", "Σοφία", "Η ΣΟΦΙΑ και ο σοφός: ΣΟΦΟΣ ἀνήρ. Straße, STRASSE, İstanbul, naïve, e\u0301cole, ½ ② ª."),
    ("drink", "Q3", "Bim Crane", "a an I x y z"),
]
OTHER_TEXTS = ["Hanno sails the harbor boat.", "A house, a boat and the star.", "Zeth is the star of the harbor; the star of the sea."]
FORMS = ["plain", "caf\u00e9 na\u00efve \u00c5ngstr\u00f6m \u1ec7 \uac00", "wait\u2026 half \u00bd of \u00b2 \u2122 \u2116 5 \u2103", "\ufb01ne \ufb02ow o\ufb03ce \u2160\u2163", "a\u00a0b\u202fc\u3000d\u2009e",
         "\uff21\uff22\uff11\uff01", "\u2033 \u2011 \u2049 \u017f \u00b5 \u00aa \u00ba \u2074 \u2083", "\u201ccurly\u201d \u2014 dashes \u2013 stay", "q\u0323\u0307 q\u0307\u0323"]
PAIRS = [
    ("Hanno Hale lives on Pellsund. His boat is in the harbor.", "Calla Arden lives in a house on Pellsund."),
    ("the the the star star", "Zeth the star"), ("nothing known here", "Hanno"), ("ΣΟΦΟΣ ΣΟΦΟΣ ἀνήρ", "ο σοφός και η σοφια"),
    ("Straße İstanbul naïve école e\u0301cole", "STRASSE istanbul NAÏVE e\u0301cole ½½ ②②"), ("he_himself 1901 12 3", "1901 12 he himself"),
    ("a b c I", "a I"), ("Hanno", "Hanno"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--words", type=int, default=260, help="random sentences")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent.parent / "evaluation")
    options = parser.parse_args()

    rng = random.Random(7)
    sentences = SENTENCES + [random_sentence(rng) for _ in range(options.words)]
    groups = {}
    for relation, target, name, text in REFERENCES:
        groups.setdefault((relation, target), []).append({"name": name, "text": text})
    vectorizer = TfidfVectorizer().fit([text for *_, text in REFERENCES])

    others = TfidfVectorizer().fit(OTHER_TEXTS)
    (options.out / "idf").mkdir(exist_ok=True)
    np.save(options.out / "idf" / "idf.npy", others.idf_)
    vocabulary = {word: int(number) for word, number in sorted(others.vocabulary_.items())}
    (options.out / "idf" / "tfidf_vocab.json").write_text(json.dumps(vocabulary, indent=1) + "\n")

    def cosine(vectorizer, first, second):
        a, b = vectorizer.transform([first, second]).toarray()
        scale = np.linalg.norm(a) * np.linalg.norm(b)
        return float(a @ b / scale) if scale else 0.0
    golden = {
        "words": [[text, tokenizer.tokenize(text)] for text in sentences],
        "entropies": [{"text": " ".join(text), **entropy([word for s in text for word in tokenizer.tokenize(s)])} for text in TEXTS],
        "similarities": [{"first": a, "second": b, "cosine": cosine(vectorizer, a, b), "elsewhere": cosine(others, a, b)} for a, b in PAIRS],
        "forms": [[text, unicodedata.normalize("NFKD", text)] for text in FORMS],
    }
    dump = dict(ensure_ascii=True, separators=(",", ":"))
    parts = [f'"{name}":[\n' + ",\n".join(json.dumps(item, **dump) for item in items) + "\n]" for name, items in golden.items()]
    (options.out / "texts.json").write_text("{" + ",\n".join(parts) + "}\n")
    references = [{"relation_id": relation, "target_id": target, "samples": samples} for (relation, target), samples in groups.items()]
    (options.out / "references.json").write_text(json.dumps(references, ensure_ascii=True, indent=1) + "\n")


if __name__ == "__main__":
    main()

"""Texts that tokenizers are trained on and compared on; all written for this project."""
import random

TRAINING = """\
The keeper of the lighthouse wrote 12 letters in 1987, and 345 more in 2023; nobody's answered them, they'll say.
I'm sure we've seen it: she'd gone, you're late, it's 10:45, don't wait! THE HOUSE IS EMPTY. WE'LL SEE.
def area(width, height):\n    return width * height  # two tabs:\t\tend\n\n\nfor (int i = 0; i < 100; i++) { sum += i; }
El niño compró una piña en la montaña; ¿cuándo volverá? Ça va très bien, où est l'été à la forêt? Größe, Straße, Übung.
Příliš žluťoučký kůň úpěl ďábelské ódy. Zażółć gęślą jaźń. Țara și oamenii ei. İstanbul'da ılık bir gün, şöyle.
Το σπίτι είναι δίπλα στη θάλασσα και ο ήλιος λάμπει. Ποιος ξέρει πού πήγαν οι φίλοι μας;
Дом стоит у моря, и солнце светит весь день. Кто знает, куда ушли друзья? Їжак їсть яблуко. Ёлка, подъезд.
البيت قريب من البحر والشمس تشرق كل صباح. كتب الولد رسالة إلى أمه. اَلْعَرَبِيَّةُ ١٢٣٤٥
הבית ליד הים והשמש זורחת כל היום. הילד כתב מכתב לאמו. שָׁלוֹם
घर समुद्र के पास है और सूरज हर दिन चमकता है। बच्चे ने माँ को पत्र लिखा। १२३४
বাড়িটি সমুদ্রের কাছে। வீடு கடலுக்கு அருகில் உள்ளது. ఇల్లు సముద్రం దగ్గర ఉంది.
บ้านอยู่ใกล้ทะเลและดวงอาทิตย์ส่องแสงทุกวัน เด็กเขียนจดหมายถึงแม่ ๑๒๓๔
房子在海边，太阳每天都照耀。孩子给母亲写了一封信。二〇二三年，他们走了。
家は海の近くにあり、毎日太陽が輝いています。子供は母に手紙を書きました。カタカナとひらがな。
집은 바다 가까이에 있고 매일 해가 비친다. 아이가 어머니에게 편지를 썼다.
Ngôi nhà ở gần biển và mặt trời chiếu sáng mỗi ngày. Đứa trẻ viết thư cho mẹ.
ბავშვმა წერილი მისწერა დედას. Երեխան նամակ գրեց մայրիկին. ልጁ ለእናቱ ደብዳቤ ጻፈ።
🙂 🎉🎉 👩‍👩‍👧‍👦 🇫🇷🇯🇵 👍🏽 ❤️ → ← ∑ ∞ ≠ ½ ² Ⅳ № € £ ¥ © ® ™ … — “quoted” ‘single’ «guillemets»
"""

NAMED = [
    "", " ", "  ", "   ", "a", " a", "  a", "a ", "a  ", "a b", "Hello world", "Hello, world!  How are  you?",
    "\n", "\n\n", " \n", "\n ", " \n \n a", "a\r\nb\r\n\r\nc", "\t", "\t\ta", "a\t b \t c", "x \n\n  y   \n",
    "...\n\n", "!!!\r\n\r\nx", "end.\n", " .\n.\n", "\u00a0", "a\u00a0b", "\u00a0\u00a0a", "\u3000全\u3000角", "\u2003em\u2009thin\u200b",
    "\u0085next\u2028line\u2029par", "\u1680ogham\u180emvs",
    "it's IT'S we'LL they'Re I'm I'M you'd 'tis ''s 's's 'sx 'S'T'rE'VE'm'Ll'D", "it'ſ 'ſx ’s",
    "0 1 12 123 1234 12345 1234567890 3.14159 1,000,000", "١٢٣٤٥ १२३४५ ๑๒๓ 一二三 Ⅳ ½ ² ①②③ 𝟘𝟙𝟚𝟛", "abc123def4567", "v1.2.3-rc4",
    "été e\u0301te\u0301 A\u030a \u212b \u2126 \ufb01 \u1e9b\u0323 q\u0323\u0307 q\u0307\u0323", "a\u0300\u0301\u0302\u0323b",
    "한국어 \u1112\u1161\u11ab\u1100\u116e\u11a8 \u1112\u1161 각 가\u11a8", "\u0958 \u0915\u093c \u09c7\u09be \u0b47\u0b3e",
    "Ελληνικά και Кириллица", "مرحبا بالعالم שלום עולם", "नमस्ते दुनिया", "สวัสดีชาวโลก", "你好，世界！", "こんにちは世界", "안녕하세요 세계",
    "🙂👩‍👩‍👧‍👦🇫🇷👍🏽❤️ 😀😀", "a🙂b 🙂 c", "\U00020000\U0002a6d6 𝒜𝓑", "\ue000\uf8ff\U000f0000", "\u0378\u0530 \U0001fbfa",
    "\x00", "a\x00b\x01\x02\x7f", "\x1b[31mred\x1b[0m", "\ufeffbom \ufffd \uffff", "\u200d\u200c\u2060",
    "▁", "▁▁a", "a▁b", " ▁ a", "▁ ▁", "<0x41><0x0A>", "<s>a</s>", "<unk>", " <s> a", "<s><s>", "a<s> b</s> c",
    "<|endoftext|>", "a<|endoftext|>b", "<|endoftext|><|endoftext|> x", "<|endoftext", "<|begin_of_text|>x<|eot_id|>",
    "<|im_start|>user\nhi<|im_end|>\n", "a [LEFT] b", "a   [LEFT]b", "a [RIGHT]   b", "a[WORD]b [WORD] c,[WORD]!", "[BOTH]\n \t[BOTH]",
    "xéyx caf\u0065\u0301", "[LONG][LONGER] [LONG]ER", "a " + "x" * 70, "lighthouse" * 12, "ab" * 300, "海" * 40, " " * 90, "\n" * 40, "1" * 50,
    "The keeper of the lighthouse wrote 12 letters.", "snake_case camelCase HTTPServer __init__", "https://example.org/a?b=c&d=%20#e",
    "{\"key\": [1, 2.5, null]}", "if (a<b && c>d) { return a->b; }", "$100 €50 £20 #tag @name 50% a+b=c ~x^y|z`",
    "DON'T STOP", "I'll've", "rock'n'roll", "l'été d'où", "Привет, мир! Это тест 123.", "日本語のテキスト123と英語text",
]

PIECES = list("aabcdeest  ThHS'’.,!?-_()[]{}<>/\\|@#$%^&*~`\"0123456789") + [
    " ", "  ", "\n", "\n\n", "\r\n", "\t", "\u00a0", "\u3000", "\u2003", "the", " the", "'s", "'LL", "'ſ", "é", "e\u0301", "\u0301", "\u0323",
    "ß", "İ", "ñ", "ω", "Ж", "й", "и\u0306", "ع", "َ", "ש", "ָ", "क", "ि", "्", "ก", "้", "中", "文", "の", "カ", "한", "\u1112", "\u1161", "\u11ab", "🙂", "👩", "\u200d",
    "❤", "\ufe0f", "🇫", "½", "²", "٣", "५", "Ⅳ", "𝟘", "\x00", "\x7f", "\u0085", "\u200b", "\ufeff", "\ufffd", "▁", "\u2028", "\ue000", "\u0378",
    "<s>", "</s>", "<|endoftext|>", "[LEFT]", "[RIGHT]", "[WORD]",
]


def random_texts(count, seed, longest=16):
    rng = random.Random(seed)
    return ["".join(rng.choices(PIECES, k=rng.randint(1, longest))) for _ in range(count)]

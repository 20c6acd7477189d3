import Testing

@testable import Transformer

/// What stands between a prompt and its target, by how such text is written.
@Suite struct TextJoinTests {
  /// Prompt and target, and whether text written in one piece has a space between them.
  struct Case: CustomTestStringConvertible {
    let prompt: String
    let target: String
    let join: String
    var testDescription: String { "\(prompt)|\(target)" }

    init(_ prompt: String, _ target: String, _ join: String) {
      (self.prompt, self.target, self.join) = (prompt, target, join)
    }
  }

  static let words = [
    Case("Ada was born in", "Oslo", " "), Case("The capital of France is", "the city", " "),
    Case("It grew by", "12 %", " "), Case("Answer:", "Oslo", " "), Case("Really?", "Yes", " "),
    Case("[INST] Where? [/INST]", "Oslo", " "), Case("She said (twice)", "no", " "),
    Case("서울은 어느 나라의 수도인가?", "한국", " "), Case("Москва — столица", "России", " "),
    Case("The temperature is", "-5", " "), Case("His car costs", "$5", " "),
    Case("He wrote in C++", "often", " "), Case("5€", "only", " "), Case("a ->", "b", " "),
    Case("if x <", "5", " "), Case("He said “yes”", "and left", " "), Case("the boys'", "room", " "),
    Case("The framework is", ".NET", " "), Case("He smiled", ":)", " "),
  ]

  static let attached = [
    Case("He said \"", "yes", ""), Case("He said \"yes", "\" and left", ""), Case("the (", "old", ""),
    Case("Oslo", ", Norway", ""), Case("Oslo", ".", ""), Case("Really", "?", ""),
    Case("James", "'s home", ""),
    Case("it does", "n't work", ""), Case("la capitale de l'", "Italie", ""), Case("¿", "Dónde", ""),
    Case("„", "Berlin", ""), Case("«", "Париж", ""), Case("Saint-", "Denis", ""),
    Case("https://", "example.org", ""),
    Case("well", "-known", ""), Case("@", "ada", ""), Case("**", "Oslo", ""), Case("`", "x", ""),
    Case("<b>", "Oslo", ""), Case("<|im_end|>", "Oslo", ""), Case("<｜Assistant｜>", "Oslo", ""),
  ]

  static let unspaced = [
    Case("東京は", "日本", ""), Case("法国的首都是", "巴黎", ""), Case("法国的首都是", "Paris", ""),
    Case("เมืองหลวงของฝรั่งเศสคือ", "ปารีส", ""), Case("苹果公司生产 iPhone", "手机", ""),
    Case("「", "東京", ""), Case("答案：", "Oslo", ""), Case("Oslo", "。", ""),
    Case("The word for Tokyo is", "東京", " "), Case("The Japanese word 東京", "means Tokyo", " "),
    Case("ភ្នំពេញជារាជធានីនៃ", "កម្ពុជា", ""),
  ]

  static let whiteSpace = [
    Case("<|im_start|>assistant\n", "Lyon", ""), Case("a\t", "b", ""), Case("Answer:\n\n", "東京", ""),
    Case("in\u{A0}", "Oslo", ""), Case("a", "\u{301}", ""), Case("", "Oslo", ""),
  ]

  @Test(arguments: words + attached + unspaced + whiteSpace)
  func `a space stands where such text has one`(example: Case) {
    #expect(TextJoin(between: example.prompt, and: example.target).text == example.join)
  }

  @Test func `German and Swedish quotation marks close where English ones open`() {
    #expect(TextJoin(between: "Er sagte „ja“", and: "und ging") == .space)
    #expect(TextJoin(between: "Er sagte „", and: "ja") == .none)
    #expect(TextJoin(between: "Er sagte »ja«", and: "und ging") == .space)
    #expect(TextJoin(between: "Er sagte »", and: "ja") == .none)
    #expect(TextJoin(between: "He said “", and: "yes") == .none)
    #expect(TextJoin(between: "He said “yes", and: "” and left") == .none)
  }

  @Test func `white space of the file is kept, and spaces are the join's`() throws {
    #expect(TextJoin.split(prompt: "born in") == ("born in", nil))
    #expect(TextJoin.split(prompt: "born in ") == ("born in", .space))
    #expect(TextJoin.split(prompt: "assistant\n") == ("assistant\n", nil))
    #expect(TextJoin.split(prompt: "assistant\n  ") == ("assistant\n", TextJoin("  ")))

    #expect(TextJoin.split(target: "Oslo\n", after: "in", nil) == ("Oslo", .space))
    #expect(TextJoin.split(target: " Oslo", after: "in", nil) == ("Oslo", .space))
    #expect(TextJoin.split(target: " Oslo", after: "in", .space) == ("Oslo", .space))
    #expect(TextJoin.split(target: "\nOslo", after: "in", nil) == ("Oslo", TextJoin("\n")))
    #expect(TextJoin.split(target: "\nOslo", after: "in", .space) == ("Oslo", TextJoin(" \n")))
    #expect(TextJoin.split(target: ", Norway", after: "Oslo", .space) == (", Norway", .space))
    #expect(TextJoin("x") == nil && TextJoin("\u{3000}")?.joining("a", "b") == "a\u{3000}b")
  }
}

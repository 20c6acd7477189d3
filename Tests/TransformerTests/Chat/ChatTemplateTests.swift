import Glibc
import ModelFiles
import TestSupport
import Testing

@testable import Transformer

/// Conversations become the text that transformers makes of them.
@Suite struct ChatTemplateTests {
  /// A template with conversations and what transformers makes of each, written by `Fixtures/make/chat_fixtures.py`.
  struct Golden {
    let name: String
    let template: String
    let tokens: [String: String]
    /// `text` is `nil` where the template or the library refuses.
    let cases: [(messages: [ChatMessage], addsGenerationPrompt: Bool, text: String?)]

    static func read(_ path: String) throws -> [Golden] {
      try (JSONValue(readingFile: path).elements ?? []).map { entry in
        Golden(
          name: entry["name"]?.text ?? "", template: entry["template"]?.text ?? "",
          tokens: Dictionary(
            uniqueKeysWithValues: (entry["tokens"]?.members ?? []).map { ($0.key, $0.value.text ?? "") }),
          cases: (entry["cases"]?.elements ?? []).map { item in
            (
              (item["messages"]?.elements ?? []).map {
                ChatMessage(role: $0["role"]?.text ?? "", content: $0["content"]?.text ?? "")
              }, item["generation"] == true, item["text"]?.text
            )
          })
      }
    }

    /// - Parameter mayRefuse: whether a construct that is refused by name will do.
    func check(mayRefuse: Bool = false) {
      let template: ChatTemplate
      do throws(ChatTemplateError) {
        template = try ChatTemplate(self.template, name: name, specialTokens: tokens)
      } catch {
        if mayRefuse, case .unsupported = error { return }
        Issue.record("\(name) is not read: \(error)")
        return
      }
      for (messages, addsGenerationPrompt, wanted) in cases {
        do throws(ChatTemplateError) {
          let found = try template.render(messages, addsGenerationPrompt: addsGenerationPrompt)
          #expect(
            found.utf8.elementsEqual((wanted ?? "an error").utf8),
            "\(name): \(found.debugDescription) for \(wanted.debugDescription)")
        } catch {
          if let wanted { Issue.record("\(name): \(error) for \(wanted.debugDescription)") }
        }
      }
    }
  }

  @Test func `templates of many constructs`() throws {
    let goldens = try Golden.read(PackageFiles.path("Fixtures/chat/templates.json"))
    try #require(goldens.count > 10)
    for golden in goldens { golden.check() }
  }

  /// Published templates are not ours to carry along: `ERRATA_TEMPLATES` names a file of the same form with them.
  @Test(.enabled(if: getenv("ERRATA_TEMPLATES") != nil))
  func `published templates`() throws {
    for golden in try Golden.read(String(cString: getenv("ERRATA_TEMPLATES"))) {
      golden.check(mayRefuse: true)
    }
  }
}

extension ChatTemplateTests {
  private static let conversation = [
    ChatMessage(role: "system", content: "Be brief."), ChatMessage(role: "user", content: "Where is Paris?"),
    ChatMessage(role: "assistant", content: "In France."), ChatMessage(role: "user", content: "And Oslo?"),
  ]

  /// Renderings of llama.cpp's templates of the same names, and of transformers for those that it does not have.
  @Test func `built-in templates write what their models were trained on`() throws {
    let wanted = try JSONValue(readingFile: PackageFiles.path("Fixtures/chat/built-in.json")).members ?? []
    #expect(Set(wanted.map(\.key)) == Set(ChatTemplate.builtIn.map(\.name)))
    for row in ChatTemplate.builtIn {
      let entry = try #require(wanted.first { $0.key == row.name }?.value)
      let template = try ChatTemplate(
        row.text, name: row.name, specialTokens: ["eos_token": entry["end"]?.text ?? "</s>"])
      let count = entry["messages"]?.integer ?? 4
      let found = try template.render(
        Array(Self.conversation.prefix(count)), addsGenerationPrompt: entry["generation"] != false)
      #expect(found == entry["text"]?.text, "\(row.name)")
    }
  }

  @Test(arguments: [
    (
      "a\n{% include 'x' %}",
      ChatTemplateError.unsupported(construct: "{% include %}", line: 2, template: "t")
    ),
    ("{% call f() %}{% endcall %}", .unsupported(construct: "{% call %}", line: 1, template: "t")),
    (
      "{% for x in y recursive %}{% endfor %}",
      .unsupported(construct: "a recursive loop", line: 1, template: "t")
    ),
    ("{{ 2 ** 3 }}", .unsupported(construct: "**", line: 1, template: "t")),
    ("{% if x %}", .syntax(found: "the end instead of endif", line: 1, template: "t")),
    ("{% endif %}", .syntax(found: "{% endif %}", line: 1, template: "t")),
    ("{{ a b }}", .syntax(found: "b", line: 1, template: "t")),
    ("\n\n{{ 'a }}", .syntax(found: "a string without its end", line: 3, template: "t")),
    ("{{ [1, }}", .syntax(found: "a tag without its end", line: 1, template: "t")),
    ("{{ [1, | 2] }}", .syntax(found: "|", line: 1, template: "t")),
    ("{# a", .syntax(found: "{# without #}", line: 1, template: "t")),
    ("{{ (a }}", .syntax(found: "a tag without its end", line: 1, template: "t")),
    (
      "{{ \(String(repeating: "(", count: 100))1\(String(repeating: ")", count: 100)) }}",
      .unsupported(construct: "nesting", line: 1, template: "t")
    ),
    (
      "{{ 1\(String(repeating: " + 1", count: 2000)) }}",
      .unsupported(construct: "an expression this long", line: 1, template: "t")
    ),
  ])
  func `what is not of the language is refused where it stands`(_ text: String, _ error: ChatTemplateError) {
    #expect(throws: error) { try ChatTemplate(text, name: "t") }
  }

  @Test(arguments: [
    (
      "{{ 'a' | escape }}",
      ChatTemplateError.unsupported(construct: "the filter escape", line: 1, template: "t")
    ),
    ("\n{{ 'a' is escaped }}", .unsupported(construct: "the test escaped", line: 2, template: "t")),
    ("{{ '%s' % 1 }}", .unsupported(construct: "% with a string", line: 1, template: "t")),
    ("{{ 1 // 0 }}", .wrongValue(what: "1 // 0", line: 1, template: "t")),
    ("{{ x.y }}", .wrongValue(what: "“x” is not defined and has no “y”", line: 1, template: "t")),
    ("{{ x() }}", .wrongValue(what: "“x”, which is not defined cannot be called", line: 1, template: "t")),
    ("{{ raise_exception('no ' ~ 1) }}", .raised(message: "no 1", template: "t")),
    (
      "{% for a in range(1000) %}{% for b in range(1000) %}{% for c in range(1000) %}{% endfor %}{% endfor %}{% endfor %}",
      .endless(line: 1, template: "t")
    ),
    ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", .endless(line: 1, template: "t")),
    ("{{ range(99999999) }}", .endless(line: 1, template: "t")),
    ("{{ 'aaaaaaaa' * 99999999 }}", .endless(line: 1, template: "t")),
  ])
  func `what cannot be is refused when it comes to that`(_ text: String, _ error: ChatTemplateError) throws {
    let template = try ChatTemplate(text, name: "t")
    #expect(throws: error) { try template.render(Self.conversation, addsGenerationPrompt: true) }
  }

  @Test func `the date is the one that is given`() throws {
    let template = try ChatTemplate("{{ strftime_now('%d %b %Y') }}", name: "t")
    #expect(try template.render([], addsGenerationPrompt: true) { $0 + "!" } == "%d %b %Y!")
    let year = try ChatTemplate("{{ strftime_now('%Y') }}", name: "t").render([], addsGenerationPrompt: true)
    #expect((Int(year) ?? 0) > 2000)
  }

  @Test func `every beginning of a template is read or refused`() throws {
    let goldens = try Golden.read(PackageFiles.path("Fixtures/chat/templates.json"))
    let text = Array(try #require(goldens.first { $0.name.hasPrefix("thoughts") }).template.unicodeScalars)
    for length in stride(from: 0, to: text.count, by: 23) {
      let part = String(String.UnicodeScalarView(text[..<length]))
      _ = try? ChatTemplate(part, name: "t").render(Self.conversation, addsGenerationPrompt: true)
    }
  }

  // MARK: Where templates lie

  private func made(with files: [String: String]) throws -> (TemporaryFolder, ModelFile) {
    let folder = try TemporaryFolder()
    try SafetensorsWriter.write(
      [NewTensor(name: "a", elementType: .f32, shape: [1], elements: [UInt8](repeating: 0, count: 4))],
      to: folder.path("model.safetensors"))
    for (name, text) in files { try folder.write(Array(text.utf8), to: name) }
    return (folder, try ModelFile(folder.path))
  }

  @Test func `a model's own template is found where its makers put it`() throws {
    let message = [ChatMessage(role: "user", content: "Hi")]
    func said(_ files: [String: String], _ name: String? = nil) throws -> String {
      let (folder, model) = try made(with: files)
      defer { withExtendedLifetime(folder) {} }
      return try ChatTemplate(of: model, named: name).render(message, addsGenerationPrompt: true)
    }
    let settings =
      #"{"bos_token": {"content": "<b>"}, "eos_token": "<e>", "chat_template": "{{ bos_token }}one{{ pad_token }}"}"#
    #expect(try said(["tokenizer_config.json": settings]) == "<b>one")
    #expect(
      try said(["tokenizer_config.json": settings, "chat_template.jinja": "{{ eos_token }}file"]) == "<e>file"
    )
    let several =
      #"{"chat_template": [{"name": "tools", "template": "2"}, {"name": "default", "template": "1"}]}"#
    #expect(try said(["tokenizer_config.json": several]) == "1")
    #expect(try said(["tokenizer_config.json": several], "tools") == "2")
    #expect(try said(["tokenizer_config.json": several], "chatml").hasPrefix("<|im_start|>user\nHi"))
    let (folder, model) = try made(with: ["other.jinja": "{{ 1 }}", "tokenizer_config.json": "{}"])
    #expect(
      try ChatTemplate(of: model, named: folder.path("other.jinja")).render(
        message, addsGenerationPrompt: true) == "1")
    let known = ChatTemplate.builtIn.map(\.name)
    #expect(throws: ChatTemplateError.noTemplate(place: folder.path, known: known)) {
      try ChatTemplate(of: model)
    }
    #expect(throws: ChatTemplateError.unknownName("x", known: known)) {
      try ChatTemplate(of: model, named: "x")
    }
  }
}

extension ChatTemplate {
  /// A template by a name, for models that bring none.
  public struct BuiltIn: Sendable {
    /// What `--template` calls it.
    public let name: String
    /// The template, shorter than those that models bring: without tools, images and thoughts of earlier turns.
    public let text: String
  }

  /// Turns of one form: `before` role `between` content `behind`, with names for some roles.
  private static func turns(
    _ before: String, _ between: String, _ behind: String, first: String = "",
    assistant: String = "assistant",
    trims: Bool = false
  ) -> String {
    let role =
      assistant == "assistant"
      ? "message.role" : "('\(assistant)' if message.role == 'assistant' else message.role)"
    return "\(first){% for message in messages %}{{ '\(before)' + \(role) + '\(between)' + message.content"
      + "\(trims ? " | trim" : "") + '\(behind)' }}{% endfor %}"
      + "{% if add_generation_prompt %}{{ '\(before)\(assistant)\(between)' }}{% endif %}"
  }

  /// A conversation whose first system message goes into the first user's.
  private static func instructions(system: String, user: String, assistant: String) -> String {
    "{% set ns = namespace(system='') %}{{ bos_token }}{% for message in messages %}"
      + "{% if message.role == 'system' %}{% set ns.system = \(system) %}"
      + "{% elif message.role == 'user' %}{{ \(user) }}{% set ns.system = '' %}"
      + "{% else %}{{ \(assistant) }}{% endif %}{% endfor %}"
  }

  /// All of them.
  ///
  /// - Source: the model cards and `tokenizer_config.json` of the models that give the names; llama.cpp `src/llama-chat.cpp`.
  public static let builtIn: [BuiltIn] = [
    BuiltIn(name: "chatml", text: turns("<|im_start|>", #"\n"#, #"<|im_end|>\n"#)),
    BuiltIn(
      name: "llama2",
      text: instructions(
        system: #"'<<SYS>>\n' + message.content + '\n<</SYS>>\n\n'"#,
        user:
          #"(bos_token if not loop.first and not loop.previtem.role == 'system' else '') ~ '[INST] ' ~ ns.system ~ message.content ~ ' [/INST]'"#,
        assistant: #"' ' + message.content + ' ' + eos_token"#)),
    BuiltIn(
      name: "llama3",
      text: turns(
        "<|start_header_id|>", #"<|end_header_id|>\n\n"#, "<|eot_id|>", first: "{{ bos_token }}", trims: true)
    ),
    BuiltIn(
      name: "llama4",
      text: turns(
        "<|header_start|>", #"<|header_end|>\n\n"#, "<|eot|>", first: "{{ bos_token }}", trims: true)),
    BuiltIn(
      name: "gemma",
      text: instructions(
        system: #"message.content + '\n\n'"#,
        user: #"'<start_of_turn>user\n' + ns.system + message.content | trim + '<end_of_turn>\n'"#,
        assistant: #"'<start_of_turn>model\n' + message.content | trim + '<end_of_turn>\n'"#)
        + #"{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"#),
    BuiltIn(
      name: "mistral-v1",
      text: instructions(
        system: #"message.content + '\n\n'"#, user: "' [INST] ' + ns.system + message.content + ' [/INST]'",
        assistant: "' ' + message.content + eos_token")),
    BuiltIn(
      name: "mistral-v3",
      text: instructions(
        system: #"message.content + '\n\n'"#, user: "'[INST] ' + ns.system + message.content + '[/INST]'",
        assistant: "' ' + message.content + eos_token")),
    BuiltIn(
      name: "mistral-v3-tekken",
      text: instructions(
        system: #"message.content + '\n\n'"#, user: "'[INST]' + ns.system + message.content + '[/INST]'",
        assistant: "message.content + eos_token")),
    BuiltIn(
      name: "mistral-v7-tekken",
      text: "{{ bos_token }}{% for message in messages %}{% if message.role == 'system' %}"
        + "{{ '[SYSTEM_PROMPT]' + message.content + '[/SYSTEM_PROMPT]' }}{% elif message.role == 'user' %}"
        + "{{ '[INST]' + message.content + '[/INST]' }}{% else %}{{ message.content + eos_token }}{% endif %}{% endfor %}"
    ),
    BuiltIn(name: "phi3", text: turns("<|", #"|>\n"#, #"<|end|>\n"#)),
    BuiltIn(name: "phi4", text: turns("<|im_start|>", "<|im_sep|>", "<|im_end|>")),
    BuiltIn(name: "phi4-mini", text: turns("<|", "|>", "<|end|>")),
    BuiltIn(
      name: "zephyr",
      text:
        #"{% for message in messages %}{{ '<|' + message.role + '|>\n' + message.content + eos_token + '\n' }}{% endfor %}"#
        + #"{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"#),
    BuiltIn(
      name: "granite", text: turns("<|start_of_role|>", "<|end_of_role|>", #"<|end_of_text|>\n"#)),
    BuiltIn(name: "glm4", text: turns(#"<|"#, #"|>\n"#, "", first: "[gMASK]<sop>")),
    BuiltIn(
      name: "deepseek",
      text:
        "{{ bos_token }}{% for message in messages %}{% if message.role == 'system' %}{{ message.content }}"
        + "{% elif message.role == 'user' %}{{ '<｜User｜>' + message.content }}"
        + "{% else %}{{ '<｜Assistant｜>' + message.content + '<｜end▁of▁sentence｜>' }}{% endif %}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %}"),
    BuiltIn(
      name: "harmony",
      text: "{% for message in messages %}{% if message.role == 'assistant' %}"
        + "{{ '<|start|>assistant<|channel|>final<|message|>' + message.content"
        + " + ('<|return|>' if loop.last and not add_generation_prompt else '<|end|>') }}"
        + "{% else %}{{ '<|start|>' + message.role + '<|message|>' + message.content + '<|end|>' }}{% endif %}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|start|>assistant' }}{% endif %}"),
    BuiltIn(
      name: "command-r",
      text:
        "{{ bos_token }}{% for message in messages %}{{ '<|START_OF_TURN_TOKEN|>' + {'system': '<|SYSTEM_TOKEN|>', "
        + "'user': '<|USER_TOKEN|>', 'assistant': '<|CHATBOT_TOKEN|>'}[message.role] + message.content | trim "
        + "+ '<|END_OF_TURN_TOKEN|>' }}{% endfor %}"
        + "{% if add_generation_prompt %}{{ '<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>' }}{% endif %}"),
    BuiltIn(
      name: "olmo",
      text: "{{ bos_token }}{% for message in messages %}{% if message.role == 'assistant' %}"
        + #"{{ '<|assistant|>\n' + message.content + eos_token }}{% if not loop.last %}{{ '\n' }}{% endif %}"#
        + #"{% else %}{{ '<|' + message.role + '|>\n' + message.content + '\n' }}{% endif %}{% endfor %}"#
        + #"{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"#),
    BuiltIn(name: "falcon3", text: turns("<|", #"|>\n"#, #"\n"#)),
    BuiltIn(
      name: "exaone",
      text: #"{% for message in messages %}{{ '[|' + message.role + '|]' + message.content"#
        + #" + ('\n' if message.role == 'user' else '[|endofturn|]\n') }}{% endfor %}"#
        + "{% if add_generation_prompt %}{{ '[|assistant|]' }}{% endif %}"),
    BuiltIn(
      name: "vicuna",
      text: #"{% for message in messages %}{% if message.role == 'system' %}{{ message.content + '\n\n' }}"#
        + #"{% elif message.role == 'user' %}{{ 'USER: ' + message.content + '\n' }}"#
        + #"{% else %}{{ 'ASSISTANT: ' + message.content + '</s>\n' }}{% endif %}{% endfor %}"#
        + "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"),
  ]
}

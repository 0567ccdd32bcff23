"""YAML whose places are known: errors name the line, and a field given twice is one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast where libyaml is there


class YamlError(ValueError):
    """The text is no YAML that can be used; the message names the line."""


@dataclass(frozen=True)
class Document:
    """What a YAML text holds, and where."""

    content: Any
    root: yaml.Node | None

    def line(self, place: Sequence[str | int]) -> int:
        """The line, from 1, of a field or list item, or of the nearest one above it that the text has."""
        node, line = self.root, 1
        for step in place:
            if isinstance(node, yaml.MappingNode):
                found = [(key, value) for key, value in node.value if key.value == step]
                if not found:
                    return line
                line, node = found[0][0].start_mark.line + 1, found[0][1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                line = node.start_mark.line + 1
        return line


def read_yaml(text: str) -> Document:
    """Raises YamlError."""
    loader = LOADER(text)
    try:
        root = loader.get_single_node()
        content = loader.construct_document(root) if root is not None else None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise YamlError(f"line {line}: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise YamlError(str(error)) from None
    finally:
        loader.dispose()
    for node in _mappings(root):
        seen: set[str] = set()
        for key, _ in node.value:
            if key.value in seen:
                raise YamlError(f"line {key.start_mark.line + 1}: {key.value} is given twice")
            seen.add(key.value)
    return Document(content, root)


def _mappings(node: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    if isinstance(node, yaml.MappingNode):
        yield node
        for _, value in node.value:
            yield from _mappings(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _mappings(value)

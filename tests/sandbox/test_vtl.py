"""Mapping templates render as API Gateway documents them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.sandbox.emulators.ministack.vtl import Rendered, Request, TemplateError, render

ANSWER = """#set($status = $input.path('$.status'))
#if($status == 'SUCCEEDED')
#set($output = $util.parseJson($input.path('$.output')))
{"id": "$output.id"}
#elseif($status == "TIMED_OUT")
#set($context.responseOverride.status = 504)
{}
#else
#set($context.responseOverride.status = 502)
{"error": "$input.path('$.error')"}
#end"""


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({"status": "SUCCEEDED", "output": '{"id": "m"}'}, Rendered('{"id": "m"}\n')),
        ({"status": "FAILED", "error": "Sqs.Gone"}, Rendered('{"error": "Sqs.Gone"}\n', 502)),
        ({"status": "TIMED_OUT"}, Rendered("{}\n", 504)),
    ],
)
def test_only_the_branch_that_is_taken_says_and_sets_anything(body: object, wanted: Rendered) -> None:
    assert render(ANSWER, Request(body=json.dumps(body))) == wanted


@pytest.mark.parametrize(
    ("condition", "true"),
    [
        ("$input.path('$.n') > 2", True),
        ("$input.path('$.n') <= 2", False),
        ("$input.path('$.list[1].a') == 'b' && !($input.path('$.none') != '')", True),
        ("$missing", False),
        ("$missing || $input.body.length() > 3", True),
        ("$missing && $util.parseJson('no JSON')", False),
        ("''", True),  # Velocity 1.x
        ("$input.params('q') == 'v'", True),
        ("$input.params().get('header').get('H') == 'x' && $input.params().path.p == 'y'", True),
    ],
)
def test_conditions(condition: str, true: bool) -> None:
    request = Request(body='{"n": 3, "list": [1, {"a": "b"}]}', query={"q": "v"}, headers={"H": "x"}, path={"p": "y"})
    assert render(f"#if({condition})yes#{{else}}no#end", request).text == ("yes" if true else "no")


def test_what_is_not_there_stands_as_it_is_written_unless_it_is_quiet() -> None:
    assert render("$a.b('c') $!a.b ${a}x $5 #1 ## gone\n#* gone *#.", Request()).text == "$a.b('c')  ${a}x $5 #1 ."


def test_a_null_leaves_a_variable_as_it_was() -> None:
    assert render("#set($a = 'x')#set($a = $input.params().get('header').get('H'))$a", Request()).text == "x"


@given(body=st.dictionaries(st.text(), st.text()))
def test_a_body_goes_into_a_json_text_and_back(body: dict[str, str]) -> None:
    template = """{"input": "$util.escapeJavaScript($input.body).replaceAll("\\\\'", "'")"}"""
    text = json.dumps(body, ensure_ascii=False)
    assert json.loads(json.loads(render(template, Request(body=text)).text)["input"]) == body


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("#foreach($a in $b)#end", "#foreach"),
        ("$util.qr('x')", "does not document .qr"),
        ("$input.body.trim()", "trim"),
        ("#if(true)", "end"),
        ("#end", "has no #if"),
        ("#set($context.stage = 'x')", "cannot be set"),
        ("$util.parseJson('{')", "JSONDecodeError"),
    ],
)
def test_what_is_not_known_is_named(template: str, text: str) -> None:
    with pytest.raises(TemplateError, match=text):
        render(template, Request(body="{}"))

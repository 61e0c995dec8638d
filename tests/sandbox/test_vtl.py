"""The renderer of mapping templates: Velocity's rules, and the templates that it refuses."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebb.sandbox.emulators.ministack.vtl import Rendered, Request, TemplateError, render

STATUS = "responseOverride.status"
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
REQUEST = Request(
    body="""{"n": 3, "x": 1.99, "yes": true, "text": "é / \\"", "none": null,
        "list": [1, {"a": "b"}], "object": {"k": "v"}}""",
    query={"q": "v"},
    headers={"H": "x"},
    path={"p": "y"},
    stage_variables={"url": "example.com"},
)


def text(template: str) -> str:
    return render(template, REQUEST).text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"status": "SUCCEEDED", "output": '{"id": "m"}'}, Rendered('{"id": "m"}\n')),
        ({"status": "FAILED", "error": "Sqs.Gone"}, Rendered('{"error": "Sqs.Gone"}\n', {STATUS: 502})),
        ({"status": "TIMED_OUT"}, Rendered("{}\n", {STATUS: 504})),
    ],
)
def test_only_the_taken_branch_prints_and_sets(body: object, expected: Rendered) -> None:
    assert render(ANSWER, Request(body=json.dumps(body))) == expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("$input.path('$.n') > 2", True),
        ("$input.path('$.n') <= 2", False),
        ("$input.path('$.x') < 2", True),
        ("$input.path('$.n') == '3'", True),  # different types are compared by their texts
        ("$input.path('$.yes') == 'true'", True),
        ("$input.path('$.list[1].a') == 'b' && !($input.path('$.missing') != '')", True),
        ("$input.path('$[\"object\"].k') == $input.path('$').object['k']", True),
        ("true || $util.parseJson('no JSON')", True),
        ("false && $util.parseJson('no JSON')", False),
        ("''", True),  # Velocity 1.x: only false and null are false
        ("0", True),
        ("$input.params('q') == 'v'", True),
        ("$input.params().get('header').get('H') == 'x' && $input.params().path.p == 'y'", True),
        ('"$!input.path(\'$\').none" == ""', True),
    ],
)
def test_conditions(condition: str, expected: bool) -> None:
    assert text(f"#if({condition})yes#{{else}}no#end") == ("yes" if expected else "no")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("$input.body.length()", str(len(REQUEST.body))),
        ("${input.params('q')}w $!{input.params('q')}w", "vw vw"),
        ("$5 # 1 #1 a#$", "$5 # 1 #1 a#$"),
        ("a ## gone\nb #* gone\n *#\nc", "a b \nc"),
        ("#set( $a = 'it''s' )$a", "it's"),
        ('#set ($a = "$input.params(\'q\') ""w""")$a', 'v "w"'),
        ("#set($a = 'x')#set($a = $input.params().get('header').get('h'))$a", "x"),  # null leaves a variable as it was
        ("$!input.params().get('header').get('h')|$!missing|$!missing.a.b", "||"),
        ("#if(true) \nyes\n#end\t\nend", "yes\nend"),  # a directive takes the end of its line
        ("$stageVariables.url $stageVariables['url'] ${stageVariables['url']}", "example.com " * 2 + "example.com"),
        ("$input.path('$.x') $input.path('$.yes') $input.json('$.text')", '1.99 true "é / \\""'),
        (
            "#foreach($n in [1, 'b', true])$foreach.count/$foreach.index:$n#if($foreach.hasNext), #end#end",
            "1/0:1, 2/1:b, 3/2:true",
        ),
        (
            "#foreach($i in [1, 2])#foreach($j in ['a', 'b'])$foreach.first$j#end$foreach.last;#end",
            "trueafalsebfalse;trueafalsebtrue;",
        ),
        ("#set($n = 0)#foreach($n in ['a'])$n#end$n", "a0"),  # the loop's variable ends with the loop
        ("#foreach($v in $input.path('$.object'))$v#end#foreach($v in $input.path('$.missing'))$v#end", "v"),
        ("#foreach($key in $input.path('$').object.keySet())$key#end", "k"),
        ("$input.path('$.list').size()$input.path('$.object').size()$input.path('$.list')[0]", "211"),
    ],
)
def test_output(template: str, expected: str) -> None:
    assert text(template) == expected


@given(body=st.dictionaries(st.text(), st.text()))
def test_a_body_in_a_json_text_in_a_json_text_is_the_same_body(body: dict[str, str]) -> None:
    template = """{"input": "$util.escapeJavaScript($input.body).replaceAll("\\\\'", "'")"}"""
    given_text = json.dumps(body, ensure_ascii=False)
    rendered = render(template, Request(body=given_text)).text
    assert rendered.isascii()
    assert json.loads(json.loads(rendered)["input"]) == body


@given(value=st.text())
def test_what_util_encodes_it_decodes(value: str) -> None:
    template = "$util.urlDecode($util.urlEncode($input.body))|$util.base64Decode($util.base64Encode($input.body))"
    assert render(template, Request(body=value)).text == f"{value}|{value}"


@pytest.mark.parametrize(
    ("template", "error"),
    [
        ("$missing", r"nothing sets \$missing"),
        ("#if($missing)#end", r"nothing sets \$missing"),
        ("$input.path('$').none", r"has no value: write \$!input.path"),
        ("#if($input.path('$').none)#end", r"\$input.path\('\$'\).none has no value"),
        ("#if($!missing)#end", "has no value"),
        ("#if($input.path('$').none == '')#end", "has no value"),
        ("$util.urlEncode($input.path('$').none)", "has no value"),
        ("$input.path('$.object')", r"printed with \$input.json\(\)"),
        ("$util.qr('x')", "AWS does not document .qr"),
        ("$input.body.trim()", r"the method .trim\(\) of a str"),
        ("$input.path('$.n').toHexString()", "of a int"),
        ("$input.path('$..a')", r"the JSONPath \$..a"),
        ("$input.body.replaceAll('a', '$0')", "Java gives"),
        ("#if('a' < 'b')#end", "< compares numbers"),
        ("#foreach($a in 'text')#end", "takes a list or an object"),
        ("#set($context.stage = 'x')", r"\$context.stage cannot be set"),
        ("#set($input = 'x')", r"\$input cannot be set"),
        ("#set($context.responseOverride.status = 400)" * 2, "an override may only be applied once"),
        ("#macro(m)#end", "#macro is not a directive"),
        ("#define($d)#end", "#define is not a directive"),
        ("#break", "#break is not a directive"),
        ("#[[$x]]#", "is not a directive"),
        ("#endif", "#endif is not a directive"),
        (r"\$input.body", r"the escape \\\$"),
        ("#if(true)", "the end of the template stands where #end"),
        ("#if(true)#else#elseif(true)#end", "#elseif stands after #else"),
        ("#foreach($a in [1])#else#end", "stands where #end should be"),
        ("#end", "has no #if or #foreach before it"),
        ("#set($a = 1 + 1)", r"stands where \) should be"),
        ("#set($a = null)", "stands where a value should be"),
        ("$input.params('q'", "the end of the template"),
        ("$util.parseJson('{')", "JSONDecodeError"),
        ("$input.path('$.list')[9]", "IndexError"),
    ],
)
def test_a_template_without_a_documented_result_is_an_error_that_names_it(template: str, error: str) -> None:
    with pytest.raises(TemplateError, match=error):
        text(template)


def test_a_loop_ends_at_api_gateways_maximum() -> None:
    template = "#foreach($n in $input.path('$'))x#end"
    assert render(template, Request(body=json.dumps([1] * 1000))).text == "x" * 1000
    with pytest.raises(TemplateError, match="1001 items, and API Gateway's maximum is 1000"):
        render(template, Request(body=json.dumps([1] * 1001)))

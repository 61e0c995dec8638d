"""The renderer against cases that AWS shows, and against answers of API Gateway itself.

The first are examples of the API Gateway developer guide. The second were recorded from API Gateway by the tests of
airspeed-ext 0.6.9 (https://github.com/localstack/airspeed, BSD licence).
"""

import json
from typing import Any

import pytest

from ebb.sandbox.emulators.ministack.vtl import Request, TemplateError, render

PHOTOS = {
    "photos": {
        "page": 1,
        "pages": "1234",
        "photo": [
            {"id": "12345678901", "owner": "23456789@A12", "title": "Sample photo 1", "ispublic": 1, "isfriend": 0},
            {"id": "23456789012", "owner": "34567890@B23", "title": "Sample photo 2", "ispublic": 1, "isfriend": 0},
        ],
    }
}
BINS = {
    "bins": [
        {"category": "fruit", "type": "apples", "price": 1.99, "unit": "pound", "quantity": 232},
        {"category": "fruit", "type": "bananas", "price": 0.19, "unit": "each", "quantity": 112},
    ]
}
ERRORS = {"errors": [{"key": "GetPetRequest.petId", "message": "The value is out of range."}]}
ALL_PARAMETERS = """#set($allParams = $input.params())
{
  "params" : {
    #foreach($type in $allParams.keySet())
    #set($params = $allParams.get($type))
    "$type" : {
      #foreach($paramName in $params.keySet())
      "$paramName" : "$util.escapeJavaScript($params.get($paramName))"
      #if($foreach.hasNext),#end
      #end
    }
    #if($foreach.hasNext),#end
    #end
  }
}"""


def as_json(template: str, body: object = "", **more: Any) -> Any:
    return json.loads(render(template, Request(body=body if isinstance(body, str) else json.dumps(body), **more)).text)


def test_the_photos_example() -> None:
    template = """#set($inputRoot = $input.path('$'))
{
  "photos": [
#foreach($elem in $inputRoot.photos.photo)
    {
      "id": "$elem.id",
      "owner": "$elem.owner",
      "title": "$elem.title",
      "ispublic": $elem.ispublic,
      "isfriend": $elem.isfriend
    }#if($foreach.hasNext),#end

#end
  ]
}"""
    assert as_json(template, PHOTOS) == {"photos": PHOTOS["photos"]["photo"]}


def test_the_inventory_example() -> None:
    template = """#set($inputRoot = $input.path('$'))
{
  "choices": [
#foreach($elem in $inputRoot.bins)
    {
      "kind": "$elem.type",
      "suggestedPrice": "$elem.price per $elem.unit",
      "available": $elem.quantity
    }#if($foreach.hasNext),#end

#end
  ]
}"""
    assert as_json(template, BINS) == {
        "choices": [
            {"kind": "apples", "suggestedPrice": "1.99 per pound", "available": 232},
            {"kind": "bananas", "suggestedPrice": "0.19 per each", "available": 112},
        ]
    }


def test_the_sales_invoice_example_puts_references_next_to_brackets() -> None:
    template = """{"Customer": "$input.path('$').Line.Customer.value ($input.path('$').Line.Customer.name)"}"""
    body = {"Line": {"Customer": {"value": "ABC123", "name": "Sample Customer"}}}
    assert as_json(template, body) == {"Customer": "ABC123 (Sample Customer)"}


def test_all_parameters_as_json() -> None:
    parameters = as_json(ALL_PARAMETERS, path={"id": "7"}, query={"q": 'a "b"'}, headers={"A": "1", "B": "2"})
    expected = {"path": {"id": "7"}, "querystring": {"q": 'a "b"'}, "header": {"A": "1", "B": "2"}}
    assert parameters == {"params": expected}


def test_context_variables() -> None:
    template = '{"stage" : "$context.stage", "source_ip" : "$context.identity.sourceIp"}'
    assert as_json(template, context={"stage": "prod", "identity": {"sourceIp": "192.0.2.1"}}) == {
        "stage": "prod",
        "source_ip": "192.0.2.1",
    }


def test_body_parameter_and_a_part_of_the_body() -> None:
    template = """{"name" : "$input.params('name')", "body" : $input.json('$.mykey'), "all": $input.json('$')}"""
    body = {"mykey": {"a": [1, 2.5, "é"]}}
    assert as_json(template, body, query={"name": "n"}) == {"name": "n", "body": body["mykey"], "all": body}


def test_the_three_functions_of_input() -> None:
    template = """{
    "id" : "$input.params('id')",
    "count" : "$input.path('$.things').size()",
    "things" : "$util.escapeJavaScript($input.json('$.things'))"
}"""
    things: dict[str, Any] = {"1": {}, "2": {}, "3": {}}
    answer = as_json(template, {"things": things}, path={"id": "abc"})
    assert (answer["id"], answer["count"], json.loads(answer["things"])) == ("abc", "3", things)


def test_parameters_are_searched_in_path_query_and_header() -> None:
    path, query, headers = {"a": "path"}, {"a": "query", "b": "query"}, {"a": "header", "b": "header", "c": "header"}
    template = "$input.params('a') $input.params('b') $input.params('c')"
    assert render(template, Request(path=path, query=query, headers=headers)).text == "path query header"


def test_stage_variables_in_their_three_forms() -> None:
    template = "$stageVariables.v1 $stageVariables['v1'] ${stageVariables['v1']}"
    assert render(template, Request(stage_variables={"v1": "x"})).text == "x x x"


def test_parse_json_example() -> None:
    template = """#set ($errorMessageObj = $util.parseJson($input.path('$.errorMessage')))
{
  "errorMessageObjKey2ArrVal" : $errorMessageObj.key2.arr[0]
}"""
    body = """{"errorMessage":"{\\"key1\\":\\"var1\\",\\"key2\\":{\\"arr\\":[1,2,3]}}"}"""
    assert as_json(template, body) == {"errorMessageObjKey2ArrVal": 1}


def test_escape_javascript_turns_single_quotes_into_what_json_does_not_allow() -> None:
    body = 'it\'s "so" \\ / \n é 😀'
    assert render("$util.escapeJavaScript($input.body)", Request(body=body)).text == (
        r"it\'s \"so\" \\ \/ \n \u00E9 \uD83D\uDE00"
    )
    template = """{"text": "$util.escapeJavaScript($input.body).replaceAll("\\\\'","'")"}"""
    assert as_json(template, body) == {"text": body}


def test_url_and_base64_functions() -> None:
    template = (
        "$util.urlEncode($input.body) $util.urlDecode('a+b%2F') $util.base64Encode('é') $util.base64Decode('w6k=')"
    )
    assert render(template, Request(body="a b&c=é*~/")).text == "a+b%26c%3D%C3%A9*%7E%2F a b/ w6k= é"


@pytest.mark.parametrize(("scope", "status"), [("internal", 200), ("public", 500)])
def test_the_mock_integration_example(scope: str, status: int) -> None:
    template = """{
  #if( $input.params('scope') == "internal" )
    "statusCode": 200
  #else
    "statusCode": 500
  #end
}"""
    assert as_json(template, query={"scope": scope}) == {"statusCode": status}


@pytest.mark.parametrize(("body", "count"), [({"ShardCount": 2}, 2), ({}, 5)])
def test_the_kinesis_example_compares_a_missing_value_with_an_empty_text(body: object, count: int) -> None:
    template = """{
    "ShardCount": #if($input.path('$.ShardCount') == '') 5 #else $input.path('$.ShardCount') #end,
    "StreamName": "$input.params('stream-name')"
}"""
    assert as_json(template, body, path={"stream-name": "s"}) == {"ShardCount": count, "StreamName": "s"}


def test_the_kinesis_example_has_a_hyphen_in_a_name() -> None:
    template = """[#foreach($elem in $input.path('$.records'))
{"Data": "$util.base64Encode($elem.data)", "PartitionKey": "$elem.partition-key"}#if($foreach.hasNext),#end
#end]"""
    assert as_json(template, {"records": [{"data": "a", "partition-key": "k"}]}) == [
        {"Data": "YQ==", "PartitionKey": "k"}
    ]


@pytest.mark.parametrize(("body", "status"), [(ERRORS, 400), ({"id": 1}, None)])
def test_the_example_of_a_status_override(body: object, status: int | None) -> None:
    template = """#set($inputRoot = $input.path('$'))
$input.json("$")
#if($inputRoot.toString().contains("error"))
#set($context.responseOverride.status = 400)
#end"""
    rendered = render(template, Request(body=json.dumps(body)))
    assert (json.loads(rendered.text), rendered.status) == (body, status)


def test_the_example_of_header_overrides() -> None:
    template = """#set($header1Override = "foo")
#set($header3Value = "$input.params('header1')$input.params('header2')")
$input.json("$")
#set($context.requestOverride.header.header3 = $header3Value)
#set($context.requestOverride.header.header1 = $header1Override)
#set($context.requestOverride.header.multivalueheader=[$header1Override, $header3Value])"""
    headers = {"header1": "header1Val", "header2": "header2Val"}
    assert render(template, Request(body="{}", headers=headers)).overrides == {
        "requestOverride.header.header3": "header1Valheader2Val",
        "requestOverride.header.header1": "foo",
        "requestOverride.header.multivalueheader": ["foo", "header1Valheader2Val"],
    }


@pytest.mark.parametrize(
    ("template", "body", "answer"),
    [
        ("Hello $ ", {}, "Hello $ "),
        ("Hello $!name", {}, "Hello "),
        ("Hello $name}.", {"name": "World"}, "Hello World}."),
        ("#if(${a.b.c})yes!#end", {"a": {"b": {"c": False}}}, ""),
        ("#if($!{a.b.c})yes!#end", {"a": {"b": {"c": "d"}}}, "yes!"),
        ("#set ($v = true)$v", {}, "true"),
        (
            "hello #if ($show)${name}.\n#if($birthday)Happy Birthday\n#end.\n#end Off out later?",
            {"name": "Steve", "show": True, "birthday": True},
            "hello Steve.\nHappy Birthday\n.\n Off out later?",
        ),
        ("#foreach ($i in [1, 2, 3])$i. #if ($foreach.hasNext)yes#end, #end", {}, "1. yes, 2. yes, 3. , "),
        ("#foreach ($i in [1, 2, 3])$i. #if ($foreach.first)yes#end, #end", {}, "1. yes, 2. , 3. , "),
        ("#foreach ($i in [1, 2, 3])$i. #if ($foreach.last)yes#end, #end", {}, "1. , 2. , 3. yes, "),
        ("## comment\nStuff\nMore stuff## more comments $blah", {}, "Stuff\nMore stuff"),
        ("Stuff#*\n more comments *#\n and more stuff", {}, "Stuff\n and more stuff"),
        (r'#set ($name = "\\batman\nand robin")$name', {}, r"\\batman\nand robin"),
        (r'#set($d = "1\\""2""3")$d', {}, r'1\\"2"3'),
        ('#set($d = "{""a"": 2}")$d', {}, '{"a": 2}'),
        ("#if ($value1) one #elseif ($value2) two #end", {"value1": False, "value2": True}, " two "),
        ("#if ( !$value1 && !$value2 )yes#end", {"value1": False, "value2": False}, "yes"),
        ('<span style="color: #13ff93">', {}, '<span style="color: #13ff93">'),
        ("#foreach($i in [1,2])#foreach($j in [1,2])$i,$j,#end$i|#end", {}, "1,1,1,2,1|2,1,2,2,2|"),
        ("#set($s = '123')$s.matches( '[0-9]*' )", {}, "true"),
        ("#set($values = [2..-2])#foreach($value in $values)$value,#end", {}, "2,1,0,-1,-2,"),
        ('#set($a = {"dog": "cat" , "horse":15})$a.dog', {}, "cat"),
        ('#set($a = {"dog": "$horse"})$a.dog', {"horse": "cow"}, "cow"),
        (
            '#set($v = [["Hello ", "Steve"], ["Hello", " Chris"]])#foreach($p in $v)#foreach($w in $p)$w#end. #end',
            {},
            "Hello Steve. Hello Chris. ",
        ),
        ("#set( $modulus = ($value % 2) )$modulus", {"value": 3}, "1"),
        ("hello #stop world", {}, "hello "),
        ("#set($a = (5 + 4))$a", {}, "9"),
        ("#set($a = 4 > 2 + 5)$a", {}, "false"),
        ("#set($a = 5 + 4 > 2)$a", {}, "true"),
        ("#set($a = 5 * 4 - 2)$a", {}, "18"),
        ("#set($a = 2 + 5 * 4)$a", {}, "22"),
        ("#set($a = 100.0 / 50)$a", {}, "2.0"),
        ("#set($x = .5*.1)$x", {}, "0.05"),
        ("$a[1].bar1", {"a": ["foo", {"bar1": "bar2"}]}, "bar2"),
        ("$a.b.c['foo:bar']", {"a": {"b": {"c": {"foo:bar": "baz"}}}}, "baz"),
        ("#set($i = 1)$a[ $i ]", {"a": ["foo", "bar"]}, "bar"),
        ("#set($var = 1)#foreach ($i in $items)$var,#set($var = $i)#end$var", {"items": [2, 3, 4]}, "1,2,3,4"),
        ("#set($i = 1)$i,#foreach ($i in [2, 3, 4])$i,#set($i = $i)#end$i", {}, "1,2,3,4,1"),
        (
            "#foreach ($j in [1,2])#foreach ($i in [3, 4])$foreach.count,#end$foreach.count|#end",
            {},
            "1,2,1|1,2,2|",
        ),
        ("#foreach ($w in $g)$velocityCount,#end", {"g": ["a", "b"]}, "1,2,"),
        ("#set($foo = [1,2,3]) #if($foo.contains(1))found#end#if($foo.contains(10))found#end", {}, " found"),
        (
            "#set($foo = [1,2,3])#set( $ignore = $foo.add('string value') )#foreach($item in $foo)$item,#end",
            {},
            "1,2,3,string value,",
        ),
        ("#set($foo = 'foobar123bab') $foo.replaceAll('ba.', 'foo')", {}, " foofoo123foo"),
        ("#set($foo = 'something') $foo.indexOf('e')$foo.substring(3, 6)", {}, " 3eth"),
        (
            "#set( $ignore = $d.put('k', 'new value') )$ignore - $d.k",
            {"d": {"k": "initial value"}},
            "initial value - new value",
        ),
        (
            '#set($d = {} )#set($key = "bar")#set( $d["$key"] = {} )#set($d["$key"].nested = "foo")$d.bar["nested"]',
            {},
            "foo",
        ),
        ("#set($d = {} )#set($key = 'bar')#set( $d[$key] = 'foo' )$d.toString()", {}, "{bar=foo}"),
        (
            "#set($a = ['one', 'two', 'three'] )$a.set(1, 'foo')#foreach ($item in $a)$item#end",
            {},
            "twoonefoothree",
        ),
        ("#set( $x = $d.putAll({'k1': 'v3', 'k2': 'v2'}))$d.k1 - $d.k2", {"d": {"k1": "v1"}}, "v3 - v2"),
        ("#set( $o = {'k1': 'v1', 'k2': 'v2'} )$o.toString()", {}, "{k1=v1, k2=v2}"),
        ("#if ( $v1 and $v2 or not $v1 )yes#end", {"v1": True, "v2": False}, ""),
        ("#set($s = 'foobar123')$s.replaceAll('bar', 'foo')", {}, "foofoo123"),
    ],
)
def test_answers_of_api_gateway_itself(template: str, body: dict[str, Any], answer: str) -> None:
    variables = "".join(f"#set(${name} = $input.path('$').{name})" for name in body)
    assert render(variables + template, Request(body=json.dumps(body))).text == answer


@pytest.mark.parametrize("template", ["Hello $name", "#if($name)yes#end", "#if(!$name)yes#end"])
def test_where_api_gateway_contradicts_velocitys_documentation_nothing_is_rendered(template: str) -> None:
    """API Gateway answered "Hello ", "yes" and "": it takes an absent value for an empty text, which is true."""
    with pytest.raises(TemplateError, match=r"nothing sets \$name"):
        render(template, Request())

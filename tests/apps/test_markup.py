"""Markup carries nobody's markup: text is escaped, once, and numbers are told apart."""

from alpha_panda.apps.markup import alone, table, tag, together


def test_text_and_attributes_are_escaped():
    made = tag("p", "<script>alert('1')</script>", title='"><b>')
    assert made == '<p title="&quot;&gt;&lt;b&gt;">&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;</p>'


def test_what_was_made_here_is_not_escaped_again():
    assert tag("p", tag("b", "A & B"), None, " and C") == "<p><b>A &amp; B</b> and C</p>"
    assert together("<", tag("i")) == "&lt;<i></i>"


def test_names_of_attributes_are_those_of_html():
    assert alone("meta", http_equiv="x", class_="y") == '<meta http-equiv="x" class="y">'


def test_numbers_stand_right_and_signed_ones_are_coloured():
    made = table(("name", "net>"), [("−A", "+₹1.00"), ("+B", "−₹2.00"), ("C", "₹3.00")])
    assert '<th class="number">net</th>' in made
    assert made.count('class="number up"') == made.count('class="number down"') == made.count('class="number"') - 1
    assert '<td class="text">−A</td>' in made

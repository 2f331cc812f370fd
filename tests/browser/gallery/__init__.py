"""A gallery of the page kit: sample pages made of every macro, served under the strict CSP."""

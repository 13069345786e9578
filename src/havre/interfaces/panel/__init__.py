"""The panel: pages rendered here, kept fresh by HTMX and event streams, readable without JavaScript.

A page reads the records, or asks the worker as the API does, and hands plain values to a template.
What somebody does is parsed into the API's own request and goes its way: there is no second path.
"""

"""The documentation: reference of options, hooks of the site, and a script that types the commands of pages."""

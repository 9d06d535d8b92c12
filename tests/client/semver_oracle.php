<?php

// Reads one JSON list per line, [question, argument...], and answers each with one line of JSON.
// A refusal by the library is null; any other fault is {"fault": class}, which no test expects.

declare(strict_types=1);

use Composer\MetadataMinifier\MetadataMinifier;
use Composer\Semver\Comparator;
use Composer\Semver\Constraint\Constraint;
use Composer\Semver\VersionParser;

require '/usr/share/php/Composer/Semver/autoload.php';
require '/usr/share/php/Composer/MetadataMinifier/autoload.php';

set_error_handler(function (int $level, string $message): bool {
    throw new ErrorException($message);
});

$parser = new VersionParser();

$answers = [
    'normalize' => fn (string $version) => $parser->normalize($version),
    'normalizeBranch' => fn (string $name) => $parser->normalizeBranch($name),
    'parseStability' => fn (string $version) => VersionParser::parseStability($version),
    'parseNumericAliasPrefix' => fn (string $name) => $parser->parseNumericAliasPrefix($name),
    'compare' => fn (string $a, string $b) => [
        Comparator::lessThan($a, $b),
        Comparator::equalTo($a, $b),
        Comparator::greaterThan($a, $b),
    ],
    'parseConstraints' => fn (string $text) => (string) $parser->parseConstraints($text),
    'satisfying' => function (string $text, array $versions) use ($parser) {
        $constraint = $parser->parseConstraints($text);

        return array_map(
            fn (string $version) => $constraint->matches(new Constraint('==', $parser->normalize($version))),
            $versions
        );
    },
    'matching' => function (string $text, array $providers) use ($parser) {
        $constraint = $parser->parseConstraints($text);

        return array_map(
            fn (string $provider) => $constraint->matches($parser->parseConstraints($provider)),
            $providers
        );
    },
    'minify' => fn (array $versions) => array_map(fn (array $v) => (object) $v, MetadataMinifier::minify($versions)),
    'expand' => fn (array $versions) => array_map(fn (array $v) => (object) $v, MetadataMinifier::expand($versions)),
];

while (($line = fgets(STDIN)) !== false) {
    $arguments = json_decode($line, true, 512, JSON_THROW_ON_ERROR);
    $question = array_shift($arguments);
    try {
        $answer = $answers[$question](...$arguments);
    } catch (UnexpectedValueException) {
        $answer = null;
    } catch (Throwable $fault) {
        $answer = ['fault' => get_class($fault) . ': ' . $fault->getMessage()];
    }
    echo json_encode($answer, JSON_PRESERVE_ZERO_FRACTION | JSON_THROW_ON_ERROR), "\n";
}
